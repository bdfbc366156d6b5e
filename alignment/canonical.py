"""Canonical JSON of a plan: the same facts always give the same bytes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from typing import Any


def canonical_json(plan: Any) -> str:
    """A dataclass as JSON: sorted keys, no spaces, ISO dates."""
    return json.dumps(dataclasses.asdict(plan), sort_keys=True, separators=(",", ":"), default=_iso)


def sha256_of(text: str) -> str:
    """sha256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _iso(value: object) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(f"no JSON form for {type(value).__name__}")
