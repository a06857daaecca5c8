"""Label inference: labels from a shared gradient."""
