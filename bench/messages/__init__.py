"""The messages between the parties: `Victims` -> client -> `Observation` -> attack -> `Reconstruction` -> scorer.

`V` is the number of victims (independent updates), `B` the number of examples in each private batch.
"""
