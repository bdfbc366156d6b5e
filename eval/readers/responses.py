"""Reads the response to treatment from a sentence about imaging."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from eval.readers.denial import states
from eval.readers.prose import find_dates, plain, sentences, without_dates
from eval.readers.wording import first, load, phrases

_CODE = re.compile(r"(?<![\w-])(CR|PR|SD|PD|NE)(?![\w-])")
_NEITHER = re.compile(
    r"\b(?:no|not|nor|neither|without)\b[^.;]*\bcriteria (?:for|of) (?:either )?"
    r"(?:response|progression),? (?:or|nor) (?:for )?(?:response|progression)\b"
)
_SUM = re.compile(
    r"\b(?:sum|SLD|SOD|total(?:ling)?)\b[^.;]*?(?:from \d+(?:\.\d+)? ?(?:mm|cm)? to )?"
    r"(?<![\d.])(\d+(?:\.\d+)?) ?(mm|cm)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ResponseFact:
    """A response (RECIST code), the day of the assessment, the sum of target diameters."""

    response: str
    date: dt.date | None
    sum_mm: int | None
    new_lesion: bool


def about_imaging(sentence: str) -> bool:
    """Whether a sentence speaks of a scan or of the response to treatment."""
    return bool(phrases("imaging").search(plain(sentence)))


def names_response(sentence: str) -> bool:
    """Whether a sentence names a response by its RECIST name, as no reason for anything."""
    said = plain(sentence)
    named = any(phrases("responses", key).search(said) for key in ("CR", "PR", "SD"))
    return named or bool(re.search(r"^\W*(?:response:? )?progressive disease", said))


def named_responses(text: str) -> list[tuple[str, str]]:
    """Every response that findings and impression of a report call by its RECIST code or name,
    with its sentence; what is only described ("smaller") is none."""
    found = []
    for sentence in sentences(text):
        said = plain(without_dates(sentence))
        code = _CODE.search(sentence)
        response = code[1] if code else "SD" if _NEITHER.search(said) else None
        response = response or _stated("responses", said)
        if response is not None:
            found.append((response, sentence))
    return found


def read_response(sentence: str) -> ResponseFact | None:
    """The response that a sentence states: by its code or name, or else as it is described."""
    said = plain(without_dates(sentence))
    code = _CODE.search(sentence)
    response = code[1] if code else _stated("responses", said) or _stated("described", said)
    if response is None:
        return None
    dates = find_dates(sentence)
    total = _SUM.search(without_dates(sentence))
    return ResponseFact(
        response,
        dates[0].date if dates else None,
        round(float(total[1]) * (10 if total[2].lower() == "cm" else 1)) if total else None,
        states(said, phrases("fresh")),
    )


def _stated(group: str, said: str) -> str | None:
    """The first response of a group that is named and not denied."""
    if first(group, said) is None:
        return None
    return next((key for key in load()[group] if states(said, phrases(group, key))), None)
