"""Reads laboratory values from clinical prose: analyte, value, unit, the value before, trend."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

from eval.readers.graded import GRADE, grade_of
from eval.readers.prose import find_dates, plain, without_dates
from eval.readers.wording import first, load

_UNIT = (
    r"(?:(?:[x×] ?)?10(?:\^|\*|e)?[9⁹]/[Ll]|[x×] ?10(?:\^|\*|e)?[3³]/[uµ]L|[KG]/(?:[uµ]?L)"
    r"|g/d[Ll]|g/[Ll]|mg/d[Ll]|I?U/[Ll]|ng/m[Ll]|[uµ]g/[Ll]|mmol/[Ll]|mIU/[Ll]|mU/[Ll]|m\[IU\]/[Ll])"
)
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_OTHER = (
    r"(?!\.?\d| ?(?:%|per ?cent|mm\b|cm\b|kg\b|weeks?\b|days?\b|months?\b|cycles?\b|hours?\b"
    r"|years?\b|times\b)|(?:st|nd|rd|th)\b|-?line\b|[/-]\d)"
)
"""What makes a number something else than a value."""
_RANGE = re.compile(r"\(?\b(?:normal|reference|ref)(?: range| interval)?:?[^);,]*\)?|\bULN\b.*")
_GAP_WORDS = "|".join(map(re.escape, load()["lab_between"]))
_GAP = rf"(?:[ ,:=(]+(?:{_GAP_WORDS}|#+)(?![\w.]))*"


def _spelled(phrases: Iterable[str]) -> str:
    """Names in one spelling or the other: haemoglobin, hemoglobin."""
    found = []
    for phrase in phrases:
        words = re.escape(phrase).replace(r"\*", r"\w*").replace(r"\ ", r"[ -]")
        found.append(re.sub(r"^hemo", "ha?emo", words))
    return "|".join(found)


def _analytes() -> str:
    parts = []
    for i, entry in enumerate(load()["labs"].values()):
        symbols = "|".join(map(re.escape, entry["symbols"]))
        names = rf"(?i:{_spelled(sorted(entry['names'], key=len, reverse=True))})"
        parts.append(rf"(?P<n{i}>{'|'.join(filter(None, (names, symbols)))})")
    return "|".join(parts)


_LOINCS = tuple(load()["labs"])
_LAB = re.compile(
    rf"(?<![\w-])(?:{_analytes()})(?![\w-])(?P<gap>{_GAP})"
    rf"(?:,? ?\bfrom (?P<first>{_NUMBER})(?: ?{_UNIT})? ?(?:to|->|→))?"
    rf"[ :=(,]*(?P<value>{_NUMBER}){_OTHER}(?: ?(?P<unit>{_UNIT}))?(?![\w%])"
)


@dataclass(frozen=True, slots=True)
class LabFact:
    """One value of today: by LOINC, with what is said of the value before."""

    loinc: str
    value: float
    unit: str | None
    prior: float | None
    prior_date: dt.date | None
    trend: str | None
    grade: int | None
    words: str


def read_labs(sentence: str) -> list[LabFact]:
    """Every analyte that is followed by a number, and what stands up to the next one."""
    blank = without_dates(sentence)
    matches = list(_LAB.finditer(blank))
    ends = [*(match.start() for match in matches[1:]), len(blank)][: len(matches)]
    return [_fact(sentence, blank, m, end) for m, end in zip(matches, ends, strict=True)]


def without_labs(sentence: str) -> str:
    """The sentence up to its first laboratory value: what else it may tell."""
    match = _LAB.search(without_dates(sentence))
    return sentence[: match.start()] if match else sentence


def _fact(sentence: str, blank: str, match: re.Match[str], end: int) -> LabFact:
    tail, told = blank[match.end() : end], sentence[match.end() : end]
    grade = GRADE.search(tail)
    rest = _RANGE.sub(" ", GRADE.sub(" ", tail))
    numbers = re.findall(rf"(?<![\w#.]){_NUMBER}{_OTHER}", rest)
    prior = match["first"] or (numbers[0] if numbers else None)
    dates = find_dates(told)
    before = re.split(r"[,;.()]", blank[: match.start()])[-1]
    lead = " ".join(re.findall(r"\b(?:rise|fall|drop|increase|decrease|decline)\b", before)[-1:])
    moved = plain(f"{match['gap']} {rest} {lead}")
    if match["first"] and float(match["first"]) != float(match["value"]):
        moved += " up" if float(match["first"]) < float(match["value"]) else " down"
    return LabFact(
        next(key for i, key in enumerate(_LOINCS) if match[f"n{i}"]),
        float(match["value"]),
        match["unit"],
        float(prior) if prior else None,
        dates[0].date if dates else None,
        first("trends", re.sub(r"follow[- ]up", " ", moved)),
        grade_of(grade) if grade else None,
        sentence[match.start() : end].strip(" ;,."),
    )


def printed_unit(unit: str) -> str:
    """One spelling of a unit, be it UCUM (10*9/L, m[IU]/L) or as it is printed (x 10^9/L)."""
    bare = re.sub(r"[\s\[\]]|^[x×]", "", unit.lower().strip())
    bare = bare.replace("⁹", "9").replace("³", "3").replace("µ", "u").removeprefix("x")
    bare = re.sub(r"^10[*^e]?([39])", r"10^\1", bare)
    same = {"iu/l": "u/l", "10^3/ul": "10^9/l", "k/ul": "10^9/l", "g/l": "g/l", "ug/l": "ng/ml",
            "miu/l": "miu/l", "mu/l": "miu/l"}  # fmt: skip
    return same.get(bare, bare)
