"""The fault lab: real trainings that are broken in many ways, and Holter's diagnosis of each."""
