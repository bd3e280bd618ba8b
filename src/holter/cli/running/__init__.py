"""What the commands that watch a training share: live lines, the wait before it, and its end."""
