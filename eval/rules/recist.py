"""Response categories against measurements: RECIST 1.1, for each assessor apart.

A scan belongs to the treatment with the last start before it. That treatment's baseline is the
last scan on or before its start, the nadir the smallest sum from there until the scan before;
scans on which a target was not measured count for neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.recist import overall_response
from eval.reference import PD_INCREASE_MM, PD_RATIO, PR_RATIO
from eval.rules.rule import Broken, Rule
from eval.rules.tables import SPAN, Bools, Floats, Ints, Rows, Tables, day_key, reader

TOLERANCE = 1e-6
CONFIRMATION_DAYS = 28  # RECIST 1.1, section 4.6: at least four weeks


@dataclass(frozen=True)
class _Assessed:
    """(responses,) scan of each response, sums in mm; NaN or False where there is none.

    ``now``: the recorded sum, which a rule of its own holds against the lesions.
    """

    rows: Rows
    found: Bools
    usable: Bools
    remains: Bools
    now: Floats
    baseline: Floats
    nadir: Floats

    @property
    def progressed(self) -> Bools:
        """At least 20 % and 5 mm above the nadir."""
        grown = self.now - self.nadir >= PD_INCREASE_MM - TOLERANCE
        return grown & (self.now * PD_RATIO[1] >= self.nadir * PD_RATIO[0] - TOLERANCE)

    @property
    def shrunk(self) -> Bools:
        """At least 30 % below the baseline."""
        return self.now * PR_RATIO[1] <= self.baseline * PR_RATIO[0] + TOLERANCE

    def target(self, *levels: str) -> Bools:
        """Recorded target response."""
        return self.rows.among("target_response", levels)


def _line_start(t: Tables, patient: Ints, day: Floats) -> Floats:
    """(n,) last start of treatment before the day; NaN where there is none."""
    treatments = t["treatments"]
    starts = np.sort(day_key(treatments.patient, treatments.number("start_day")))
    if len(starts) == 0:
        return np.full(len(day), np.nan)
    at = np.searchsorted(starts, day_key(patient, day)) - 1
    mine = (at >= 0) & (starts[at] // SPAN == patient)
    return np.where(mine, starts[at] - day_key(patient, np.zeros(len(day))), np.nan)


def _assess(t: Tables) -> _Assessed:
    rows, scans = t["responses"], t.scans
    who, day, now = reader(rows), rows.number("day"), rows.number("sld_mm")
    key = day_key(who, day)
    if len(scans.key) == 0:
        none, nan = np.zeros(len(rows), bool), np.full(len(rows), np.nan)
        return _Assessed(rows, none, none, none, now, nan, nan)
    at = np.minimum(np.searchsorted(scans.key, key), len(scans.key) - 1)
    found = scans.key[at] == key
    start = _line_start(t, rows.patient, day)
    # Baseline: the last scan with targets on or before the start.
    with_targets = scans.key[scans.targets > 0]
    last = np.searchsorted(with_targets, day_key(who, np.nan_to_num(start)), side="right") - 1
    known = ~np.isnan(start) & (last >= 0)
    baseline = np.append(with_targets, -1)[last]
    known &= baseline // SPAN == who
    usable, sums = scans.key[scans.usable], np.append(scans.mm[scans.usable], np.inf)
    first, end = np.searchsorted(usable, baseline), np.searchsorted(usable, key)
    measured = known & (np.append(usable, -1)[first] == baseline)
    some = known & (first < end)
    bounds = np.column_stack([np.where(some, first, 0), np.where(some, end, len(usable))]).ravel()
    nadir = np.minimum.reduceat(sums, bounds)[::2] if len(bounds) else np.empty(0)
    return _Assessed(
        rows,
        found,
        found & scans.usable[at],
        found & scans.remains[at],
        now,
        np.where(measured, sums[first], np.nan),
        np.where(some, nadir, np.nan),
    )


def _cr(t: Tables) -> Broken:
    a = _assess(t)
    return [(a.rows, a.found & (a.target("CR") != (a.usable & ~a.remains)))]


def _pr(t: Tables) -> Broken:
    a = _assess(t)
    return [(a.rows, a.target("PR") & ~np.isnan(a.baseline) & ~a.shrunk)]


def _sd(t: Tables) -> Broken:
    a = _assess(t)
    return [(a.rows, a.target("SD") & ~np.isnan(a.baseline) & a.shrunk)]


def _pd(t: Tables) -> Broken:
    a = _assess(t)
    return [(a.rows, a.target("PD") & ~np.isnan(a.nadir) & ~a.progressed)]


def _missed(t: Tables) -> Broken:
    a = _assess(t)
    return [(a.rows, a.target("PR", "SD") & a.progressed)]


def _ne(t: Tables) -> Broken:
    a = _assess(t)
    return [(a.rows, a.found & (a.target("NE") & a.usable | a.target("PR", "SD") & ~a.usable))]


def _overall(t: Tables) -> Broken:
    rows = t["responses"]
    names = {}
    for column in ("target_response", "nontarget_response", "overall_response"):
        codes, texts = rows.coded(column)
        names[column] = np.array([*texts, ""], dtype="U16")[codes]
    wanted = overall_response(
        names["target_response"], names["nontarget_response"], rows.flag("new_lesion")
    )
    return [(rows, wanted != names["overall_response"])]


def _new(t: Tables) -> Broken:
    """A lesion that is new and was not there on an earlier scan of the same assessor."""
    rows, lesions, scans = t["responses"], t["lesions"], t.scans
    codes, texts = lesions.coded("lesion_id")
    who = reader(lesions) * (len(texts) + 1) + codes
    day = lesions.number("day")
    order = np.lexsort((day, who))
    earliest = np.ones(len(lesions), bool)
    earliest[1:] = who[order][1:] != who[order][:-1]
    first = np.zeros(len(lesions), bool)
    first[order] = earliest
    new = np.zeros(len(scans.key), bool)
    new[scans.of_lesion[first & lesions.flag("is_new")]] = True
    seen = np.isin(day_key(reader(rows), rows.number("day")), scans.key[new])
    return [(rows, rows.flag("new_lesion") != seen)]


def _in_line(t: Tables, level: str) -> tuple[Rows, Bools, Floats, Floats]:
    """Best responses, those to look at, and first and last day of such a response in the line.

    ``level``: CR, or PR for partial or better.
    """
    best, rows = t["best_responses"], t["responses"]
    day = rows.number("day")
    start = _line_start(t, rows.patient, day)
    good = rows.among("overall_response", ["CR"] if level == "CR" else ["CR", "PR"])
    good &= ~np.isnan(start)
    treatments = t["treatments"]
    line = np.full(len(rows), -1.0)
    keys = day_key(treatments.patient, treatments.number("start_day"))
    order = np.argsort(keys)
    at = np.searchsorted(keys[order], day_key(rows.patient, np.nan_to_num(start)))
    if len(keys):
        line = treatments.number("line")[order[np.minimum(at, len(keys) - 1)]]
    mine = day_key(reader(rows), line)[good]
    groups, place = np.unique(mine, return_inverse=True)
    first, last = np.full(len(groups) + 1, np.inf), np.full(len(groups) + 1, -np.inf)
    np.minimum.at(first, place, day[good])
    np.maximum.at(last, place, day[good])
    wanted = day_key(reader(best), best.number("line"))
    found = np.searchsorted(groups, wanted)
    inside = np.minimum(found, max(len(groups) - 1, 0))
    same = (groups[inside] == wanted) if len(groups) else np.zeros(len(best), bool)
    index = np.where(same, inside, len(groups))
    return best, same, first[index], last[index]


def _seen(t: Tables) -> Broken:
    broken = np.zeros(len(t["best_responses"]), bool)
    for level in ("CR", "PR"):
        best, seen, _, _ = _in_line(t, level)
        broken |= best.among("best_response", [level]) & ~seen
    return [(t["best_responses"], broken)]


def _confirmed(t: Tables) -> Broken:
    broken = np.zeros(len(t["best_responses"]), bool)
    for level in ("CR", "PR"):
        best, seen, first, last = _in_line(t, level)
        apart = np.zeros(len(best), bool)
        apart[seen] = last[seen] - first[seen] >= CONFIRMATION_DAYS
        broken |= best.among("confirmed_response", [level]) & ~apart
    return [(t["best_responses"], broken)]


_MEASURED = ("responses", "lesions", "treatments")
_BEST = ("best_responses", "responses", "treatments")

RULES = (
    Rule("complete-response-iff-targets-gone", ("responses", "lesions"), _cr),
    Rule("partial-response-is-30-percent-below-baseline", _MEASURED, _pr),
    Rule("stable-disease-is-less-than-30-percent-below-baseline", _MEASURED, _sd),
    Rule("target-progression-is-20-percent-and-5-mm-over-nadir", _MEASURED, _pd),
    Rule("20-percent-and-5-mm-over-nadir-is-progression", _MEASURED, _missed),
    Rule("not-evaluable-iff-target-not-measured", ("responses", "lesions"), _ne),
    Rule("overall-response-follows-from-its-parts", ("responses",), _overall),
    Rule("new-lesion-is-in-the-lesions", ("responses", "lesions"), _new),
    Rule("best-response-was-seen", _BEST, _seen),
    Rule("confirmed-response-seen-twice-28-days-apart", _BEST, _confirmed),
)
