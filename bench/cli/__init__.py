"""The command `leakbench`."""
