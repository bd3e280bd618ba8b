"""Training scripts and starts that are not nnU-Net's own, healthy and broken, under Holter."""
