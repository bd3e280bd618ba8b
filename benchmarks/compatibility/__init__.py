"""nnU-Net as people have it: older and newer versions and forks, each in an environment of its own."""
