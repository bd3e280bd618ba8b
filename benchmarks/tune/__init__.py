"""The settings that ``holter tune`` chooses, against a sweep over every setting."""
