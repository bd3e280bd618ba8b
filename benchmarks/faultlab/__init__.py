"""The fault lab: real trainings that are broken in many ways, and what Holter makes of each of them."""
