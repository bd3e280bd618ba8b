"""The lines that are printed while a run is watched."""
