"""`leakbench speed`: compares the engine with the published loop, in one run, on the same victims."""
