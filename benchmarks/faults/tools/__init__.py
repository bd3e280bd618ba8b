"""What faults are made with: control groups, file systems, libraries and programs that run beside the training."""
