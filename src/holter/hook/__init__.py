"""The part of Holter that runs inside the training's processes, with the standard library alone.

Its failures never reach the training.
"""
