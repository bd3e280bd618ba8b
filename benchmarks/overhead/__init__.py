"""What recording costs a training, measured by stopping and continuing trainings in turns."""
