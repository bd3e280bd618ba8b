"""Interpolation: one implementation for each kind of device."""
