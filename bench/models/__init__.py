"""Plain modules, twice differentiable; normalisation is the first layer."""
