"""Treatment so far and what was decided, as clinic notes tell them, against tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from alignment import identifiers
from eval.checks.asking import Ask
from eval.readers.clinic import ClinicReading
from eval.readers.steps import LineFact, StepFact
from eval.reference import (
    ALK_INHIBITORS,
    DRUGS,
    EGFR_INHIBITORS,
    G12C_INHIBITORS,
    MET_INHIBITORS,
    PLATINUM,
)
from eval.result import Tally

SUPPORTIVE = "best_supportive_care"
ORAL = {*EGFR_INHIBITORS, *ALK_INHIBITORS, *G12C_INHIBITORS, *MET_INHIBITORS}


@dataclass(frozen=True)
class Course:
    """Lines begun by a day (by line and start) and doses given by then."""

    lines: tuple[dict[str, Any], ...]
    doses: tuple[dict[str, Any], ...]
    day: int
    zero: dt.date

    @classmethod
    def of(
        cls, lines: Sequence[dict[str, Any]], doses: Sequence[dict[str, Any]], day: int,
        zero: dt.date,
    ) -> Course:  # fmt: skip
        """From rows that began by ``day``."""
        ordered = sorted(lines, key=lambda row: (row["line"], row["start_day"]))
        return cls(tuple(ordered), tuple(doses), day, zero)

    @property
    def here(self) -> dict[str, Any] | None:
        """The line begun last."""
        return self.lines[-1] if self.lines else None

    @property
    def line(self) -> int | None:
        """Its number."""
        return self.here["line"] if self.here else None

    def stopped(self, row: dict[str, Any]) -> bool:
        """Whether a line had been stopped by the day."""
        return row["stop_day"] is not None and row["stop_day"] <= self.day

    @property
    def today(self) -> list[dict[str, Any]]:
        """The dose of the line that the day has, if any."""
        return [r for r in self.doses if r["day"] == self.day and r["line"] == self.line]

    @property
    def share(self) -> float:
        """Of the full dose given today; 0 where nothing was."""
        return float(self.today[0]["relative_dose"]) if self.today else 0.0

    def date(self, day: int) -> dt.date:
        """Calendar date of a study day."""
        return identifiers.calendar_date(self.zero, int(day))

    def given(self, line: int) -> list[dict[str, Any]]:
        """Doses of a line that were given by the day."""
        return [r for r in self.doses if r["line"] == line and r["relative_dose"] > 0]

    def due(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """Doses of a line, given or left out, by day."""
        mine = [r for r in self.doses if _same(r, row)]
        return sorted(mine, key=lambda r: r["day"])

    def drugs_now(self, row: dict[str, Any]) -> frozenset[str]:
        """Names of the drugs of the latest cycle of a line; of the whole line without cycles."""
        due = self.due(row)
        return drugs_of(due[-1] if due else row)

    def induction(self, row: dict[str, Any]) -> int | None:
        """Platinum cycles given before other drugs of the line went on; None where none did."""
        given = [r for r in self.due(row) if r["relative_dose"] > 0]
        first = [r for r in given if r["rxnorm"] == given[0]["rxnorm"]]
        ended = len(first) < len(given) and _codes(first[0]) & PLATINUM
        return len(first) if ended else None


def _same(dose: dict[str, Any], line: dict[str, Any]) -> bool:
    return bool(dose["line"] == line["line"] and dose["regimen"] == line["regimen"])


def _codes(row: dict[str, Any]) -> set[str]:
    return set(row["rxnorm"].split("+"))


def drugs_of(row: dict[str, Any]) -> frozenset[str]:
    """Names of the drugs of a line or of a dose."""
    return frozenset(DRUGS.get(code, code) for code in row["rxnorm"].split("+") if code)


def check_treatment(tally: Tally, ask: Ask, said: ClinicReading, course: Course) -> None:
    """Each line is told, with its dates and the reason of its end; no other is."""
    left = list(course.lines)
    for fact in said.lines:
        told = [r for r in course.lines if not any(r is other for other in left)]
        row = next((r for r in [*left, *told] if _fits(fact, r, course)), None)
        if row is None:
            ask.that(tally, False, expected="no such treatment so far", found=_words(fact),
                     words=fact.sentence, message="a treatment that the record lacks")  # fmt: skip
            continue
        left = [r for r in left if r is not row]
        _check_line(tally, ask, fact, row, course)
    for row in left:
        ask.that(tally, False, expected=f"line {row['line']}: {row['regimen']}",
                 found="no mention", message="the note leaves out a treatment")  # fmt: skip


def _fits(fact: LineFact, row: dict[str, Any], course: Course) -> bool:
    allowed = (drugs_of(row), course.drugs_now(row))
    same = fact.drugs in allowed if fact.drugs else fact.regimen == row["regimen"]
    same = same and fact.adjuvant == (row["intent"] == "adjuvant")
    return same and fact.line in (None, row["line"])


def _check_line(
    tally: Tally, ask: Ask, fact: LineFact, row: dict[str, Any], course: Course
) -> None:
    start = course.date(row["start_day"])
    stop = course.date(row["stop_day"]) if course.stopped(row) else None
    allowed: list[tuple[dt.date, ...]] = [(start,), (start, stop)] if stop else [(start,)]
    if row["start_day"] == course.day or fact.induction is not None:
        allowed.append(())
    ask.that(
        tally, fact.dates in allowed, expected=" to ".join(map(str, allowed[-1])) or "today",
        found=" to ".join(map(str, fact.dates)) or "no date", words=fact.sentence,
        message=f"the dates of line {row['line']} differ",
    )  # fmt: skip
    if fact.reason is not None:
        held = row["stop_reason"] if stop else "still given"
        ask.that(tally, fact.reason == held, expected=held, found=fact.reason, words=fact.sentence,
                 message=f"why line {row['line']} ended differs")  # fmt: skip
    if fact.cycles is not None:
        held = len(course.given(row["line"]))
        ask.that(tally, fact.cycles == held, expected=held, found=fact.cycles,
                 words=fact.sentence, message="the number of cycles differs")  # fmt: skip
    if fact.induction is not None:
        held = course.induction(row)
        ask.that(tally, fact.induction == held, expected=held, found=fact.induction,
                 words=fact.sentence, message="the induction differs")  # fmt: skip


def check_step(tally: Tally, ask: Ask, said: ClinicReading, course: Course) -> None:
    """One decision, the one that treatments and doses show."""
    here = course.here
    wanted = tuple(step for step, holds in ALLOWED.items() if holds(course))
    if len(said.steps) != 1:
        ask.that(tally, False, expected=" or ".join(wanted), found=f"{len(said.steps)} decisions",
                 message="the note does not say what was decided, or twice")  # fmt: skip
        return
    fact = said.steps[0]
    ask.that(tally, fact.step in wanted, expected=" or ".join(wanted), found=fact.step,
             words=fact.sentence, message="another decision than the record shows")  # fmt: skip
    if here is None:
        return
    if fact.drugs or fact.step in ("start", "continue", "reduce", "hold", "defer", "stop"):
        allowed = _drugs_allowed(course, here, fact.step)
        ask.that(tally, fact.drugs in allowed, expected=_listed(allowed[0]),
                 found=_listed(fact.drugs), words=fact.sentence,
                 message="the plan names other drugs")  # fmt: skip
    if fact.line is not None:
        ask.that(tally, fact.line == here["line"], expected=here["line"], found=fact.line,
                 words=fact.sentence, message="the plan names another line")  # fmt: skip
    _check_reason(tally, ask, fact, course, here)
    _check_dose(tally, ask, fact, course)


def _drugs_allowed(course: Course, here: dict[str, Any], step: str) -> list[frozenset[str]]:
    """What a decision may name: the drugs of today's cycle, or the last; a line starts and ends
    under its whole name too, and what is put off need not be named again."""
    now = course.drugs_now(here)
    if step in ("start", "stop"):
        return [drugs_of(here), now]
    return [now, frozenset()] if step == "defer" else [now]


def _check_reason(
    tally: Tally, ask: Ask, fact: StepFact, course: Course, here: dict[str, Any]
) -> None:
    """A stated reason is that of the end of the line, or of what was done with today's dose."""
    if fact.reason is None:
        return
    if fact.step == "stop":
        held = here["stop_reason"]
    else:
        held = course.today[0]["reason"] if course.today else None
    ask.that(tally, fact.reason == held, expected=held, found=fact.reason, words=fact.sentence,
             message="the reason of the decision differs")  # fmt: skip


def _check_dose(tally: Tally, ask: Ask, fact: StepFact, course: Course) -> None:
    row = course.today[0] if course.today else None
    if fact.cycle is not None:
        held = row["cycle"] if row and row["relative_dose"] > 0 else None
        ask.that(tally, fact.cycle == held, expected=held, found=fact.cycle, words=fact.sentence,
                 message="the cycle given today differs")  # fmt: skip
    share = 100 * row["relative_dose"] if row and row["relative_dose"] > 0 else None
    if fact.share is not None or (share is not None and share < 100):
        ask.that(
            tally, share is not None and fact.share is not None and abs(fact.share - share) < 0.05,
            expected="no dose" if share is None else f"{share:g} %",
            found="not said" if fact.share is None else f"{fact.share:g} %", words=fact.sentence,
            message="the dose differs",
        )  # fmt: skip


def _ongoing(course: Course) -> bool:
    """A line with drugs, begun on an earlier day and not stopped."""
    here = course.here
    return (
        here is not None and bool(here["rxnorm"]) and here["start_day"] < course.day
        and not course.stopped(here)
    )  # fmt: skip


def _begins(course: Course) -> bool:
    return course.here is not None and course.here["start_day"] == course.day


def _lowered(course: Course) -> bool:
    """Less is given today than at the last dose that was given."""
    before = [r["relative_dose"] for r in course.given(course.line or 0) if r["day"] < course.day]
    return bool(before) and 0 < course.share < before[-1]


def _daily(course: Course) -> bool:
    """Taken on without a dose at the visit: tablets, and adjuvant drugs, whose cycles are in no
    table."""
    here = course.here
    return here is not None and (_codes(here) <= ORAL or here["intent"] == "adjuvant")


def _supported(course: Course) -> bool:
    return course.here is not None and course.here["regimen"] == SUPPORTIVE


def _ended(course: Course) -> bool:
    """Nothing is given, and did not end today."""
    here = course.here
    return here is None or (
        course.stopped(here) and here["stop_day"] < course.day and not _supported(course)
    )


ALLOWED: dict[str, Callable[[Course], bool]] = {
    "start": lambda c: _begins(c) and bool(c.here and c.here["rxnorm"]),
    "local": lambda c: _begins(c) and bool(c.here and not c.here["rxnorm"]) and not _supported(c),
    "supportive": _supported,
    "continue": lambda c: _ongoing(c) and (c.share > 0 or (_daily(c) and not c.today)),
    "reduce": lambda c: _ongoing(c) and _lowered(c),
    "hold": lambda c: _ongoing(c) and bool(c.today) and c.share == 0,
    "defer": lambda c: _ongoing(c) and not c.today and not _daily(c),
    "stop": lambda c: c.here is not None and c.here["stop_day"] == c.day and not _begins(c),
    "off_treatment": _ended,
    "surveillance": lambda c: _ended(c) and c.line == 0,
}
"""When the record allows each decision. A dose lowered today is continued too: the share of the
full dose is asked for on its own."""


def _words(fact: LineFact) -> str:
    name = _listed(fact.drugs) or fact.regimen
    return f"line {fact.line}: {name}" if fact.line else name


def _listed(drugs: frozenset[str]) -> str:
    return ", ".join(sorted(drugs))
