"""The share of a GPU's speed that is left when Holter's loader gives the data, and the cost of its transforms there."""
