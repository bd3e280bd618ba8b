"""`holter study`: many trainings as one: what is done and missing, the commands, and how far each is."""
