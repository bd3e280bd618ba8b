"""Show a run, or a folder of runs, in the browser while it lasts: the report's page, with small updates."""
