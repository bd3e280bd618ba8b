"""How well ``holter bench`` predicts: its epoch against real trainings with an imitated step, in several scenes."""
