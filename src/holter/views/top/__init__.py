"""The live view in a terminal: ``holter top``."""
