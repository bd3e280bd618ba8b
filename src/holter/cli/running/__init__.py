"""Shared by the commands that watch a training: live lines, the wait before it, and its end."""
