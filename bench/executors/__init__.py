"""Where the cells of a suite run: on this machine, on a Ray cluster, as SLURM jobs. What is computed is the same."""
