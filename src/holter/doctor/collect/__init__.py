"""Collect the facts of a ``Survey`` from the machine and the data within a time limit.

Calls that could block run in a child with a deadline.
"""
