"""Treatment so far and what was decided, as clinic notes tell them, against tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alignment import identifiers
from eval.checks.asking import Ask
from eval.readers.clinic import ClinicReading, LineFact, StepFact
from eval.reference import (
    ALK_INHIBITORS,
    DRUGS,
    EGFR_INHIBITORS,
    G12C_INHIBITORS,
    MET_INHIBITORS,
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

    def date(self, day: int) -> dt.date:
        """Calendar date of a study day."""
        return identifiers.calendar_date(self.zero, int(day))

    def given(self, line: int) -> list[dict[str, Any]]:
        """Doses of a line that were given by the day."""
        return [r for r in self.doses if r["line"] == line and r["relative_dose"] > 0]

    def due(self) -> dict[str, Any] | None:
        """The latest dose of the current line: which drugs were given or due."""
        mine = [r for r in self.doses if self.here and r["line"] == self.line
                and r["regimen"] == self.here["regimen"]]  # fmt: skip
        return max(mine, key=lambda r: r["day"], default=None)


def drugs_of(row: dict[str, Any]) -> frozenset[str]:
    """Names of the drugs of a line."""
    return frozenset(DRUGS.get(code, code) for code in row["rxnorm"].split("+") if code)


def check_treatment(tally: Tally, ask: Ask, said: ClinicReading, course: Course) -> None:
    """Each line is told once, with its dates and the reason of its end; no other is."""
    left = list(course.lines)
    for fact in said.lines:
        row = next((r for r in left if _fits(fact, r)), None)
        if row is None:
            ask.that(tally, False, expected="no such treatment so far", found=_words(fact),
                     words=fact.sentence, message="a treatment that the record lacks")  # fmt: skip
            continue
        left.remove(row)
        _check_line(tally, ask, fact, row, course)
    for row in left:
        ask.that(tally, False, expected=f"line {row['line']}: {row['regimen']}",
                 found="no mention", message="the note leaves out a treatment")  # fmt: skip


def _fits(fact: LineFact, row: dict[str, Any]) -> bool:
    same = fact.drugs == drugs_of(row) if fact.drugs else fact.regimen == row["regimen"]
    same = same and fact.adjuvant == (row["intent"] == "adjuvant")
    return same and fact.line in (None, row["line"])


def _check_line(
    tally: Tally, ask: Ask, fact: LineFact, row: dict[str, Any], course: Course
) -> None:
    start = course.date(row["start_day"])
    stop = course.date(row["stop_day"]) if course.stopped(row) else None
    allowed: list[tuple[dt.date, ...]] = [(start,), (start, stop)] if stop else [(start,)]
    if row["start_day"] == course.day:
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
        held = max((r["cycle"] for r in course.given(row["line"])), default=0)
        ask.that(tally, fact.cycles == held, expected=held, found=fact.cycles,
                 words=fact.sentence, message="the number of cycles differs")  # fmt: skip


def check_step(tally: Tally, ask: Ask, said: ClinicReading, course: Course) -> None:
    """One decision, the one that treatments and doses show."""
    here = course.here
    wanted = _wanted(course)
    if len(said.steps) != 1:
        ask.that(tally, False, expected=" or ".join(wanted), found=f"{len(said.steps)} decisions",
                 message="the note does not say what was decided, or twice")  # fmt: skip
        return
    fact = said.steps[0]
    ask.that(tally, fact.step in wanted, expected=" or ".join(wanted), found=fact.step,
             words=fact.sentence, message="another decision than the record shows")  # fmt: skip
    if here is None:
        return
    if fact.drugs or fact.step in ("start", "continue", "hold", "stop"):
        due = drugs_of(course.due() or here)
        ask.that(tally, fact.drugs == due, expected=_listed(due),
                 found=_listed(fact.drugs), words=fact.sentence,
                 message="the plan names other drugs")  # fmt: skip
    if fact.line is not None:
        ask.that(tally, fact.line == here["line"], expected=here["line"], found=fact.line,
                 words=fact.sentence, message="the plan names another line")  # fmt: skip
    if fact.step == "stop" and fact.reason is not None:
        ask.that(tally, fact.reason == here["stop_reason"], expected=here["stop_reason"],
                 found=fact.reason, words=fact.sentence,
                 message="why the line ends differs")  # fmt: skip
    _check_dose(tally, ask, fact, course)


def _check_dose(tally: Tally, ask: Ask, fact: StepFact, course: Course) -> None:
    row = next((r for r in course.doses if r["day"] == course.day and r["line"] == course.line),
               None)  # fmt: skip
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


def _wanted(course: Course) -> tuple[str, ...]:
    """The decisions that the record of the day allows."""
    here = course.here
    if here is None:
        return ("off_treatment",)
    if here["regimen"] == SUPPORTIVE:
        return ("supportive",)
    if here["start_day"] == course.day:
        return ("start",) if here["rxnorm"] else ("local",)
    if course.stopped(here):
        if here["stop_day"] == course.day:
            return ("stop",)
        return ("surveillance", "off_treatment")
    today = [r for r in course.doses if r["day"] == course.day and r["line"] == here["line"]]
    if today:
        return ("continue",) if today[0]["relative_dose"] > 0 else ("hold",)
    # Without an infusion that day it was put off; a drug taken daily goes on.
    codes = set(here["rxnorm"].split("+"))
    return ("continue",) if codes <= ORAL or here["line"] == 0 else ("defer",)


def _words(fact: LineFact) -> str:
    name = _listed(fact.drugs) or fact.regimen
    return f"line {fact.line}: {name}" if fact.line else name


def _listed(drugs: frozenset[str]) -> str:
    return ", ".join(sorted(drugs))
