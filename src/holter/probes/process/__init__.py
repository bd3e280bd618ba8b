"""Read the processes of a training: state, memory, open files, stacks."""
