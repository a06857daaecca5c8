"""Datasets as LightningDataModules that deal victims: one file per family, and `base.py` for what they share."""
