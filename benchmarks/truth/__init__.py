"""Public cases whose cause is known: how often does Holter name it from what a person brings?"""
