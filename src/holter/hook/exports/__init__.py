"""Pools of the final validation and of prediction."""
