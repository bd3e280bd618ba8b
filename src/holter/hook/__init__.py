"""The part of Holter inside the training process: standard library only; its failures never reach the training."""
