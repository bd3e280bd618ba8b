"""Show a run, or a folder of runs, in the browser: the report's page, which is updated while the run lasts."""
