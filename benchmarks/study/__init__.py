"""``python -m benchmarks.study``: a study that is killed at random, a large one in simulation, the cost of a look."""
