"""What sees an `Observation` and returns a `Reconstruction`."""
