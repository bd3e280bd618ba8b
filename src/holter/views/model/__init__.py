"""A tape -> what is shown of it at a time: lanes, charts, phases, episodes and one sentence; no screen, no clock."""
