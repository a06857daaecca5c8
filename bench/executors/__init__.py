"""Executors run the cells of a suite: on this machine, on a Ray cluster, or as SLURM jobs, with the same results."""
