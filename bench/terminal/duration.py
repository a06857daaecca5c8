"""Durations in words."""


def duration(seconds: float) -> str:
    """A duration in words, in the largest unit that keeps it above 1.5.

    >>> [duration(s) for s in (40, 100, 7_200, 200_000)]
    ['40 seconds', '2 minutes', '2.0 hours', '2.3 days']
    """
    for unit, size, digits in (("days", 86_400, 1), ("hours", 3_600, 1), ("minutes", 60, 0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds:.0f} seconds"
