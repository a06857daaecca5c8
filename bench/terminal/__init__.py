"""What a person sees in a terminal: streams, progress, the overview of a cell, characters made visible."""
