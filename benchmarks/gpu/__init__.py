"""How much of a GPU's speed is left when the data come from Holter's loader, and what its transforms cost there."""
