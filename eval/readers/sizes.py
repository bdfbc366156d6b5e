"""Sizes in report text: mm and cm, one to three dimensions, and whether they are current."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eval.readers.lexicon import DELTA_BEFORE, PRIOR_AFTER, PRIOR_BEFORE, PRIOR_VERBS

_NUMBER = r"\d+(?:[.,]\d+)?"
_UNIT = r"(?:mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?)"
_LABEL = r"\s*\(?(?:in\s+)?(?:its\s+|the\s+)?(?:long|short)(?:est)?[\s-]+(?:axis|diameter)\)?"
_AXIS = rf"(?:{_LABEL})?"
_BY = (  # also "8 mm in long axis and 5 mm in short axis"
    r"(?:\s*(?:x|×|\*|by)\s*|(?<=axis|eter)"
    rf",?\s+and\s+(?={_NUMBER}\s*-?\s*{_UNIT}{_LABEL}))"
)
_SIZE = re.compile(
    rf"(?<![\w.,])(?P<a>{_NUMBER})(?:\s*-?\s*(?P<ua>{_UNIT}))?(?P<xa>{_AXIS})"
    rf"(?:{_BY}(?P<b>{_NUMBER})(?:\s*-?\s*(?P<ub>{_UNIT}))?(?P<xb>{_AXIS}))?"
    rf"(?:{_BY}(?P<c>{_NUMBER})(?:\s*-?\s*(?P<uc>{_UNIT}))?)?(?!\w)",
    re.IGNORECASE,
)
_FROM_TO = re.compile(
    rf"\bfrom\s+(?P<prior>{_NUMBER}(?:{_BY}{_NUMBER})?)\s*-?\s*(?:{_UNIT})?\s*(?:to|->|→)\s*(?=\d)",
    re.IGNORECASE,
)
_ARROW = re.compile(r"^\s*(?:->|→|to)\s*\d")
_SHORT = re.compile(r"short(?:est)?[\s-]*(?:axis|diameter)", re.IGNORECASE)
_UP_TO = re.compile(r"\bmeasur(?:es|ing|ed) up to\s*$", re.IGNORECASE)
_SEVERAL = re.compile(r"\b(?:nodules|nodes|lesions|masses|metastases|opacities)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Size:
    """One measurement. mm; ``short_mm`` None where one dimension is given; ``long_mm`` None where
    only a short axis is. ``start``, ``end``: characters in the sentence."""

    long_mm: float | None
    short_mm: float | None
    prior: bool
    start: int
    end: int


def find_sizes(text: str) -> list[Size]:
    """Every size with a unit in one sentence, left to right; growth and limits are not sizes."""
    sizes: list[Size] = []
    for match in _SIZE.finditer(text):
        units = [match[name] for name in ("uc", "ub", "ua") if match[name]]
        before, after = text[: match.start()], text[match.end() :]
        if not units and not _unit_follows(text, match):
            continue
        if _ends_with(before, DELTA_BEFORE) and not _largest(before):
            continue
        unit = units[0] if units else _following_unit(after)
        long_mm: float | None
        long_mm, short_mm = _dimensions(match, unit)
        near = match[0] + _clause(after)[:28]
        labelled_before = _SHORT.search(_clause_back(before)[-26:])
        if short_mm is None and (_SHORT.search(near) or labelled_before) and not _long(near):
            long_mm, short_mm = None, long_mm
        sizes.append(Size(long_mm, short_mm, _is_prior(before, after), *match.span()))
    return sizes


def _largest(before: str) -> bool:
    """ "a node measuring up to 57 mm" has that size; of several nodes it is a limit."""
    return bool(_UP_TO.search(before)) and not _SEVERAL.search(before)


def _unit_follows(text: str, match: re.Match[str]) -> bool:
    """ "from 31 to 24 mm", "31 -> 24 mm": the unit stands after the second number only."""
    after = text[match.end() :]
    if re.match(r"^\s*(?:->|→)\s*\d", after):
        return True
    start = text.rfind("from", 0, match.start())
    return bool(start >= 0 and _FROM_TO.match(text, start) and _ARROW.match(after))


def _following_unit(after: str) -> str:
    found = re.search(_UNIT, after, re.IGNORECASE)
    return found[0] if found else "mm"


def _dimensions(match: re.Match[str], unit: str) -> tuple[float, float | None]:
    values = []
    for name, own in (("a", "ua"), ("b", "ub"), ("c", "uc")):
        if match[name]:
            scale = 10.0 if (match[own] or unit).lower().startswith("c") else 1.0
            values.append(round(float(match[name].replace(",", ".")) * scale, 3))
    if len(values) == 1:
        return values[0], None
    pair = sorted(values[:2], reverse=True)
    return pair[0], pair[1]


def _is_prior(before: str, after: str) -> bool:
    """Whether words next to the size say that it belongs to the study before."""
    arrow = _ARROW.match(after)
    if arrow and (_ends_with(before, ("from",)) or not after.lstrip().startswith("to")):
        return True
    if re.search(r"\d\s*\S*\s*(?:\bto|->|→)\s*$", before):
        return False
    words = _clause_back(before)
    if re.search(r"\b(?:now|currently|today|presently|remains?)\W*(?:\w+\W+){0,2}$", words):
        return False
    if _ends_with(words, PRIOR_VERBS, reach=1) or _ends_with(words, PRIOR_BEFORE, reach=4):
        return True
    if re.match(r"^\s*on\s+(?:\d{1,4}\b|[A-Z][a-z]+ \d)", after):
        return True  # "9 x 5 mm on 2023-09-06"
    # "24 mm previously 31 mm": the word belongs to the number that follows it.
    return _starts_with(after, PRIOR_AFTER) and not re.match(r"^\s*\w+\s+(?:\w+\s+)?\d", after)


def _clause(after: str) -> str:
    return re.split(r"[,;()]|\d", after, maxsplit=1)[0]


def _clause_back(before: str) -> str:
    """The text before a size, back to the nearest break or other size."""
    return re.split(r"[;()]|,\s|\d\s*(?:mm|cm)\b", before)[-1]


def _long(text: str) -> bool:
    return re.search(r"long(?:est)?[\s-]*(?:axis|diameter)", text, re.IGNORECASE) is not None


def _ends_with(before: str, cues: tuple[str, ...], reach: int = 0) -> bool:
    """Whether one of the cues stands right before the size, or up to ``reach`` words ahead."""
    words = re.findall(r"[\w.<>≥≤-]+", before.lower())
    for back in range(reach + 1):
        end = len(words) - back
        for cue in cues:
            parts = cue.split()
            if end >= len(parts) and words[end - len(parts) : end] == parts:
                return True
    return False


def _starts_with(after: str, cues: tuple[str, ...]) -> bool:
    words = re.findall(r"[\w.-]+", after.lower())[:4]
    lead = re.match(r"^\s*[,;()]", after)
    joined = " ".join(words)
    return lead is None and any(joined == c or joined.startswith(c + " ") for c in cues)
