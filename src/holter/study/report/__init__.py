"""The report of a whole study as one HTML file: Dice of each fold, time, losses, incidents, energy, what comes next."""
