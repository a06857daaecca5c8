"""`leakbench speed`: the engine against the published loop, in one run, on the same victims."""
