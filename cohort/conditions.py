"""Conditions on variables, as policies, definitions and populations state them.

``{stage: [IIIB, IIIC], egfr: true, age: {at_most: 70}}``: all must hold; a list holds where any of
it does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment.run import Range, Wanted
from ontology.errors import ConsilienceError, nearest

When = Mapping[str, Wanted]
Levels = Mapping[str, tuple[str, ...]]

YES_NO = {"yes": True, "no": False, "true": True, "false": False}


def holds(
    values: NDArray[Any], levels: tuple[str, ...] | None, wanted: Wanted
) -> NDArray[np.bool_]:
    """(n,) bool: where a variable's values are as wanted."""
    if isinstance(wanted, Range):
        low, high = wanted.bounds
        return np.asarray((values >= low) & (values <= high))
    options = wanted if isinstance(wanted, tuple) else (wanted,)
    if levels is None:
        codes = [YES_NO.get(o, o) if isinstance(o, str) else o for o in options]
    else:
        codes = [levels.index(str(o)) for o in options]
    result = values == codes[0]
    for code in codes[1:]:
        result = result | (values == code)
    return np.asarray(result)


def problem(
    key: str,
    wanted: Wanted,
    known: Collection[str],
    levels: Levels,
    measures: Collection[str] = (),
) -> str | None:
    """What is wrong with a condition, or None; ``measures``: variables that only take a range."""
    if key not in known:
        return f"unknown variable '{key}'; {nearest(key, known)}"
    if isinstance(wanted, Range) or key in measures:
        if not isinstance(wanted, Range):
            return f"'{key}' is a number: ask for a range, {{at_least: .., at_most: ..}}"
        return f"'{key}' has levels and no range" if key in levels else None
    options = wanted if isinstance(wanted, tuple) else (wanted,)
    if not options:
        return f"'{key}': no level is given"
    for option in options:
        if key in levels:
            if str(option) not in levels[key]:
                return f"'{key}' has no level {option}; {nearest(str(option), levels[key])}"
        elif isinstance(option, str) and option not in YES_NO:
            return f"'{key}' is no category: wanted yes or no, got '{option}'"
    return None


def check(
    when: When, known: Collection[str], levels: Levels, where: str, measures: Collection[str] = ()
) -> None:
    """Refuse conditions that cannot be met."""
    found = [
        text
        for key, wanted in when.items()
        if (text := problem(key, wanted, known, levels, measures))
    ]
    if found:
        raise ConsilienceError("; ".join(found), where=where)
