"""Hydra groups; a package so that they are installed beside `bench`."""
