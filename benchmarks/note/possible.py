"""Which sampled visits a patient could have: the space that training covers is wider on purpose.

All bounds: assumption, wide enough to leave out only what a radiologist would not believe.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from alignment.plan import EncounterPlan, Finding
from modalities.notes.lm.space import Case

TARGET_MM = NODE_MM = 10
"""RECIST 1.1 measures lesions from 10 mm, and a node is normal below 10 mm in short axis; here of
the long axis, for short ones are not always given (doi:10.1016/j.ejca.2008.10.026)."""
DOUBLING_DAYS = 20.0
"""A tumour that doubles its volume faster is not believed."""


def possible(plan: EncounterPlan) -> bool:
    """Whether progression shows, targets are measurable, nodes are enlarged, growth is slow."""
    there = [f for f in plan.findings if f.present]
    shows = any(f.change in ("larger", "new") for f in there)
    if plan.overall_response == "PD" and not shows:
        return False
    return not any(_odd(f, plan.day - (plan.prior_day or 0)) for f in there)


def _odd(f: Finding, days: int) -> bool:
    long = f.measured_long_mm
    if f.is_target and (long is None or long < TARGET_MM):
        return True
    treated = f.change == "smaller"
    if f.site == "mediastinal_node" and long and long < NODE_MM and not treated:
        return True
    if f.change != "larger" or not long or not f.prior_long_mm or long <= f.prior_long_mm:
        return False
    return days * math.log(2) / (3 * math.log(long / f.prior_long_mm)) < DOUBLING_DAYS


def as_many(cases: Iterable[Case], first: Iterable[Case]) -> Iterator[Case]:
    """Possible cases, as many of each number of findings as ``first`` has.

    Visits with many findings are seldom possible in all of them, and harder to report: left to
    chance, they would be too few. They come late for the same reason.
    """
    wanted = Counter(_number(plan) for plan, _ in first)
    for case in cases:
        if wanted.total() == 0:
            return
        number = _number(case[0])
        if wanted[number] and possible(case[0]):
            wanted[number] -= 1
            yield case


def _number(plan: EncounterPlan) -> int:
    return sum(f.present for f in plan.findings)
