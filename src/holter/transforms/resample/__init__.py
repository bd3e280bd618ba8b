"""Interpolate images and vote on labels, with one implementation per kind of device."""
