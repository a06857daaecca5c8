"""Output to the terminal: the console's streams, progress bars, the overview of a cell, and safe text."""
