"""The command of many trainings: ``holter study``."""
