"""Fault campaign: real shortened trainings that are broken on purpose, each with and without Holter's healing."""
