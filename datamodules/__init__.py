"""Datasets as LightningDataModules that deal victims: one file a family, `base.py` what they share."""
