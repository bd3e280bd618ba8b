"""Benchmarks: each runs alone as a module, prints a table, and can write its numbers and goals as JSON."""
