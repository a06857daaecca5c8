"""The page: all boards and cells of a results folder in one HTML file that loads nothing from anywhere."""
