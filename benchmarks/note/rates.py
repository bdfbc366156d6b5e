"""Shares with their intervals, as rows."""

from __future__ import annotations

import math

from results import Row

COMMAND = "python benchmarks/notes.py --parts "


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if n == 0:
        return 0.0, 1.0
    z, share = 1.96, hits / n
    centre, root = share + z * z / (2 * n), math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = ((centre + sign * z * root) / (1 + z * z / n) for sign in (-1, 1))
    return (low if hits else 0.0), (high if hits < n else 1.0)  # else off by rounding


def share(name: str, hits: int, n: int, part: str, **kw: object) -> Row:
    """A share with its interval."""
    low, high = wilson(hits, n)
    return Row(name, hits / max(n, 1), "share", COMMAND + part, low, high, **kw)  # type: ignore[arg-type]
