"""Read facts that a person or script states about a run elsewhere: evidence files and answers."""
