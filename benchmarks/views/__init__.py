"""What the live views cost."""
