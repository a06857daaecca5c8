"""Kinds of inputs that an audit serves, one file each: shape, range, start, controls and scores.

A file holds one subclass of `bench.auditing.kinds.base.Kind` as `KIND`; its name is the kind's.
"""
