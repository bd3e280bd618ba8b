"""Choose the data loader by proof and measurement: nnU-Net's own, or Holter's."""
