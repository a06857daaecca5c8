"""SPEAR: whole batches, exactly, from the gradient of a first linear layer with ReLU."""
