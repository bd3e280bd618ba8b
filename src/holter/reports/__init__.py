"""Tape and diagnoses -> text, pages and files. Reports decide nothing: they show what the causes have decided."""
