"""Tape and diagnoses -> words, pages and files. Reports decide nothing: they say what causes have decided."""
