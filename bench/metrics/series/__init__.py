"""Metrics of time series: pure functions of two batches of series, under the shell of `bench.metrics.base`."""
