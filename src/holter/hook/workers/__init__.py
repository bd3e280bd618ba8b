"""Data workers: their heartbeats, failures and replacement."""
