"""The machine and the process: free memory, cores, and the signals that ask it to stop."""
