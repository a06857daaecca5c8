"""Loggers report a finished cell to W&B, to CSV files, to TensorBoard, or not at all. Attacks never see a logger."""
