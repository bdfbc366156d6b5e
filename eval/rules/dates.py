"""Nothing after death or the end of follow-up; dates in order; survival fits the events."""

from __future__ import annotations

import numpy as np

from eval.rules.rule import Broken, Rule
from eval.rules.tables import Tables, day_key


def _after_death(tables: Tables, *columns: tuple[str, str]) -> Broken:
    deaths = tables.deaths
    return [
        (tables[name], tables[name].number(column) > deaths[tables[name].patient])
        for name, column in columns
    ]


def _events(t: Tables) -> Broken:
    return _after_death(t, ("events", "day"), ("events", "end_day"))


def _visits(t: Tables) -> Broken:
    return _after_death(t, ("visits", "day"), ("vitals", "day"), ("symptoms", "day"))


def _labs(t: Tables) -> Broken:
    return _after_death(t, ("labs", "day"), ("ctdna", "day"), ("variants", "day"))


def _scans(t: Tables) -> Broken:
    return _after_death(t, ("lesions", "day"), ("responses", "day"))


def _doses(t: Tables) -> Broken:
    return _after_death(
        t, ("doses", "day"), ("treatments", "start_day"), ("treatments", "stop_day")
    )


def _one_death(t: Tables) -> Broken:
    events = t["events"]
    dead = events.among("category", ["death"])
    return [(events, dead & (np.bincount(events.patient[dead], minlength=t.n)[events.patient] > 1))]


def _follow_up(t: Tables) -> Broken:
    survival = t["survival"]
    ends = survival.number("origin_day") + survival.number("os_days")
    end = t.largest(survival, ends, np.ones(len(survival), bool))
    end[np.isinf(end)] = np.inf
    return [
        (t[n], t[n].number("day") > end[t[n].patient]) for n in ("visits", "lesions", "responses")
    ]


def _start_stop(t: Tables) -> Broken:
    rows = t["treatments"]
    return [(rows, rows.number("start_day") > rows.number("stop_day"))]


def _lines(t: Tables) -> Broken:
    """No line starts on or before the start, or before the stop, of a lower one."""
    rows = t["treatments"]
    line, start, stop = (rows.number(c) for c in ("line", "start_day", "stop_day"))
    order = np.lexsort((start, line, rows.patient))
    patient, line, start = rows.patient[order], line[order], start[order]
    stop = np.where(np.isnan(stop[order]), np.inf, stop[order])
    broken = np.zeros(len(rows), bool)
    # A patient has few lines: compare each with the k-th before it until none is left to compare.
    for k in range(1, len(rows)):
        pair = (patient[k:] == patient[:-k]) & (line[k:] > line[:-k])
        if not (patient[k:] == patient[:-k]).any():
            break
        broken[order[k:]] |= pair & ((start[k:] <= start[:-k]) | (start[k:] < stop[:-k]))
    return [(rows, broken)]


def _gaps(t: Tables) -> Broken:
    rows = t["treatments"]
    line = rows.number("line")
    pairs = day_key(rows.patient, line)
    return [(rows, (line > 1) & ~np.isin(pairs - 1, pairs))]


def _pfs(t: Tables) -> Broken:
    rows = t["survival"]
    return [(rows, rows.number("pfs_days") > rows.number("os_days"))]


def _durations(t: Tables) -> Broken:
    rows = t["survival"]
    return [(rows, (rows.number("pfs_days") < 0) | (rows.number("os_days") < 0))]


def _survival_event(t: Tables) -> Broken:
    rows, events = t["survival"], t["events"]
    dead = events.among("category", ["death"])
    days = day_key(events.patient, events.number("day"))[dead]
    end = day_key(rows.patient, rows.number("origin_day") + rows.number("os_days"))
    on_the_day, has_died = np.isin(end, days), t.any_row(events, dead)[rows.patient]
    return [(rows, np.where(rows.flag("os_event"), ~on_the_day, has_died))]


def _cause(t: Tables) -> Broken:
    rows = t["survival"]
    return [(rows, rows.among("cause_of_death", ["none"]) == rows.flag("os_event"))]


def _censored(t: Tables) -> Broken:
    rows = t["survival"]
    return [(rows, rows.among("censor_reason", ["none"]) != rows.flag("os_event"))]


def _pfs_cause(t: Tables) -> Broken:
    rows = t["survival"]
    return [(rows, rows.among("pfs_cause", ["none"]) == rows.flag("pfs_event"))]


RULES = (
    Rule("no-event-after-death", ("events",), _events),
    Rule("no-visit-after-death", ("events", "visits", "vitals", "symptoms"), _visits),
    Rule("no-lab-after-death", ("events", "labs", "ctdna", "variants"), _labs),
    Rule("no-scan-after-death", ("events", "lesions", "responses"), _scans),
    Rule("no-treatment-after-death", ("events", "doses", "treatments"), _doses),
    Rule("one-death", ("events",), _one_death),
    Rule("no-scan-after-follow-up", ("survival", "visits", "lesions", "responses"), _follow_up),
    Rule("treatment-stops-after-its-start", ("treatments",), _start_stop),
    Rule("lines-in-order", ("treatments",), _lines),
    Rule("lines-without-gap", ("treatments",), _gaps),
    Rule("pfs-not-longer-than-os", ("survival",), _pfs),
    Rule("survival-times-not-negative", ("survival",), _durations),
    Rule("survival-event-is-death", ("survival", "events"), _survival_event),
    Rule("cause-of-death-iff-dead", ("survival",), _cause),
    Rule("censoring-reason-iff-censored", ("survival",), _censored),
    Rule("progression-cause-iff-progressed", ("survival",), _pfs_cause),
)
