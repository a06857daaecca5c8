"""Where a finished cell is told of: W&B, CSV, TensorBoard, or nowhere. Attacks never see a logger."""
