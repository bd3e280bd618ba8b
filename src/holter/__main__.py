"""``python -m holter``."""

from holter.cli import main

main()
