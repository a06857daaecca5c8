"""Priors: what an attacker holds likely of inputs before it has seen a gradient."""
