"""Shares with their intervals, as rows."""

from __future__ import annotations

from results import Row

from eval.result import wilson

COMMAND = "python benchmarks/notes.py --parts "


def share(name: str, hits: int, n: int, part: str, **kw: object) -> Row:
    """A share with its interval."""
    low, high = wilson(hits, n)
    return Row(name, hits / max(n, 1), "share", COMMAND + part, low, high, **kw)  # type: ignore[arg-type]
