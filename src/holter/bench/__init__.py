"""``holter bench``: what limits a training here, from ceilings measured in a child process of its own Python."""
