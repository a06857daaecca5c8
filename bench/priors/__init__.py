"""Priors: what an attacker assumes about inputs before it sees a gradient."""
