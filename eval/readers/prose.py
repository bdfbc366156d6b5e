"""What the readers of clinical prose share: sentences, dates, spelling."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<{0}>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    r"\b(?:(?P<y1>\d{4})-(?P<m1>\d{2})-(?P<d1>\d{2})"
    rf"|(?P<d2>\d{{1,2}}) {_MONTH.format('m2')},? (?P<y2>\d{{4}})"
    rf"|{_MONTH.format('m3')} (?P<d3>\d{{1,2}}),? (?P<y3>\d{{4}}))\b",
    re.IGNORECASE,
)
_END = re.compile(
    r"(?<=[.!?])(?<!\bi\.e\.)(?<!\be\.g\.)(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bvs\.)"
    r"\s+(?=[A-Z0-9<-])"
)
_WRAPPED = 75
"""A line of this length without an end goes on in the next."""
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Dated:
    """A date and the characters that state it."""

    date: dt.date
    start: int
    end: int


def find_dates(text: str) -> list[Dated]:
    """Dates as 2019-03-14, 14 March 2019 or March 14, 2019; none that no calendar has."""
    found = []
    for match in _DATE.finditer(text):
        year, month, day = (
            next(match[f"{part}{i}"] for i in (1, 2, 3) if match[f"{part}{i}"]) for part in "ymd"
        )
        number = int(month) if month.isdigit() else MONTHS.index(month[:3].lower()) + 1
        try:
            found.append(Dated(dt.date(int(year), number, int(day)), match.start(), match.end()))
        except ValueError:
            continue
    return found


def without_dates(text: str) -> str:
    """The text with every date blanked, so that no digit of it is read as a value."""
    for dated in find_dates(text):
        text = text[: dated.start] + "#" * (dated.end - dated.start) + text[dated.end :]
    return text


def sentences(text: str) -> list[str]:
    """Sentences line by line, wrapped lines joined, bullets and numbering taken off."""
    found = []
    for line in _unwrapped(text):
        content = _BULLET.sub("", line).strip()
        found += [part.strip() for part in _END.split(content) if part.strip()]
    return found


def _unwrapped(text: str) -> list[str]:
    lines: list[str] = []
    wrapped = False
    for line in text.splitlines():
        if wrapped and line.strip() and not _BULLET.match(line):
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
        wrapped = len(line) >= _WRAPPED and not line.rstrip().endswith((".", ":", ";", "|"))
    return lines


def plain(text: str) -> str:
    """Lower case, one spelling: anaemia and anemia, tumour and tumor become the same word."""
    lower = text.lower()
    for british, american in (("ae", "e"), ("oe", "e"), ("tumour", "tumor"), ("iour", "ior")):
        lower = lower.replace(british, american)
    return lower
