"""What a person or a script states of a run elsewhere: evidence files and answers."""
