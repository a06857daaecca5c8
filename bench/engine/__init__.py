"""Many victims at once: matching, directions, step rules, stops, the loop, random numbers per victim."""
