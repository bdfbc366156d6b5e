"""Reads what an imaging report says before its findings: treatment so far, and the comparison."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from eval.readers.prose import find_dates, plain, sentences
from eval.readers.wording import ORDINALS, find_drugs, find_lines

_UNDER = re.compile(rf"\b(?:on|under|during|receiving) ({'|'.join(ORDINALS)})[- ]line\b")
_ENDED = re.compile(
    r"\b(?:after|following|completed|completing|finished|stopped|completion of|end of) "
    rf"({'|'.join(ORDINALS)})[- ]line\b"
)
_COMPARED = re.compile(r"compar|\bprevious\b|\bprior\b")
_NONE = re.compile(
    r"comparison:? *(?:none|no |not available|nil)|\bno (?:\w+ )?(?:previous|prior|earlier)\b"
    r"|\bfirst (?:radiograph|examination|study)\b|\bno (?:\w+ )?(?:comparison|comparator)"
    r"|\bwithout (?:\w+ )?(?:comparison|prior|previous)"
)


@dataclass(frozen=True, slots=True)
class History:
    """``lines``: of therapy, ``under`` way or ``ended`` where it says so; ``drugs``: of the same
    sentences; ``compared``: dates of the studies compared with; ``alone``: there is
    said to be none."""

    lines: tuple[int, ...]
    under: tuple[int, ...]
    ended: tuple[int, ...]
    drugs: frozenset[str]
    compared: tuple[dt.date, ...]
    alone: bool


def read_history(header: str) -> History:
    """From the text before the findings."""
    lines: list[int] = []
    under: list[int] = []
    ended: list[int] = []
    drugs: set[str] = set()
    compared: list[dt.date] = []
    alone = False
    for sentence in sentences(re.sub(r":\s*\n", ": ", header)):
        said = plain(sentence)
        lines += find_lines(said)
        under += [ORDINALS.index(m[1]) + 1 for m in _UNDER.finditer(said)]
        ended += [ORDINALS.index(m[1]) + 1 for m in _ENDED.finditer(said)]
        drugs |= find_drugs(said)
        if _COMPARED.search(said):
            compared += [dated.date for dated in find_dates(sentence)]
        alone = alone or bool(_NONE.search(said))
    return History(
        tuple(lines), tuple(under), tuple(ended), frozenset(drugs), tuple(compared), alone
    )
