"""What people start: each is a program of its own."""
