"""The part that lives inside somebody else's training process: standard library only, silent when it fails."""
