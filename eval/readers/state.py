"""Reads how a patient is from one sentence: performance status, weight, what is denied."""

from __future__ import annotations

import math
import re

from eval.readers.denial import denies, judged
from eval.readers.graded import GRADE
from eval.readers.prose import plain, without_dates
from eval.readers.wording import digits, phrases

_ECOG = re.compile(
    r"\b(?:ECOG|PS|[Pp]erformance [Ss]tatus|Zubrod|WHO (?:PS|performance|grade|class))"
    r"(?![-\w]*\d?%)[^\d.;%]{0,40}?(?:\bfrom [0-4] (?:to|->) )?\b([0-4])\b"
    r"(?! ?(?:%|kg|mm|cm|\.\d|cycles?|weeks?|months?|days?))(?!\.\d)"
)
_KG = re.compile(
    r"(?P<sign>[+-]|−|–|\bminus |\bplus )? ?(?<![\d.])(?P<kg>\d{1,3}(?:\.\d+)?)"
    r" ?(?:kg|kilos?|kilograms?)\b",
    re.IGNORECASE,
)
_FROM = re.compile(r"\bfrom (\d{2,3}(?:\.\d+)?) ?(?:kg )?(?:to|->|→) ", re.IGNORECASE)
_WELL_DONE = re.compile(r" \w+(?:ed|en|tolerated)\b")
"""Well controlled, well tolerated: no word about the patient."""
_LEAST_KG = 25.0
"""Lighter than any patient: a change."""
_LOSS = re.compile(r"\blos(?:s|ing|t) (?:of )?(?:some |more )?weight\b|\bweight loss\b")
_LOST = re.compile(
    r"(\d+(?:\.\d+)?)\s?% (?:of (?:the |his |her )?(?:baseline|initial|original)|since baseline)"
)
_UNSEEN = re.compile(
    r"not confirmed by (?:weighing|the scales)|weighing[^.;]* does not (?:show|confirm)"
)
HALF_DIGIT = 0.051
"""Half of the last digit of a per cent with one decimal."""
_BREAK = re.compile(r"[,;()]|\band\b|\bbut\b")


def read_ecog(sentence: str) -> int | None:
    """ECOG performance status, also of "performance status of one"."""
    match = _ECOG.search(digits(without_dates(sentence)))
    return int(match[1]) if match else None


def read_weight(sentence: str) -> tuple[float | None, float | None]:
    """Weight and its change, kg; a change has a sign or a word that says which way."""
    text = _FROM.sub(" ", without_dates(sentence))
    weight = change = None
    done = 0
    for match in _KG.finditer(text):
        value = float(match["kg"])
        if value >= _LEAST_KG and not match["sign"]:
            weight = value if weight is None else weight
        elif change is None and value < _LEAST_KG:
            near = _clause(text, done, match)
            sign = _sign(match["sign"], near)
            change = sign * value if sign else None
        done = match.end()
    spoken = re.search(r"weigh|\bwt\b|\bkg\b|\bkilo", sentence, re.IGNORECASE)
    return (weight, change) if spoken else (None, None)


def tells_weight_loss(sentence: str) -> bool:
    """Whether weight loss is told, not denied."""
    said = plain(sentence)
    return any(not denied for _, denied in judged(said, _LOSS))


def read_lost(sentence: str) -> tuple[float, float] | None:
    """Per cent of the baseline weight lost, from and to, where a sentence about weight says so."""
    said = sentence.lower()
    if not _LOSS.search(said):
        return None
    if match := _LOST.search(said):
        return float(match[1]) - HALF_DIGIT, float(match[1]) + HALF_DIGIT
    if match := re.search(r"\bless than (\d+)\s?%", said):
        return 0.0, float(match[1])
    return (-math.inf, 0.0) if _UNSEEN.search(said) else None


def tells_severe(sentence: str) -> bool:
    """Whether a symptom is called severe without being named with a grade."""
    return bool(re.search(r"\bsevere symptoms?\b", plain(sentence)))


def _clause(text: str, start: int, match: re.Match[str]) -> str:
    before = _BREAK.split(text[start : match.start()])[-1]
    after = _BREAK.split(text[match.end() :])[0]
    return plain(f"{before} {after}")


def _sign(written: str | None, near: str) -> int:
    if written:
        return 1 if written.strip().lower() in ("+", "plus") else -1
    if phrases("down").search(near):
        return -1
    return 1 if phrases("up").search(near) else 0


def feels_well(sentence: str) -> bool:
    """Whether a sentence says that there are no symptoms at all."""
    said = plain(sentence)
    free = denies(said, phrases("complaint")) and not phrases("except").search(said)
    well = any(
        not denied and not _WELL_DONE.match(said[match.end() :])
        for match, denied in judged(said, phrases("well"))
    )
    return free or well


def denied_toxicity(sentence: str) -> tuple[bool, bool]:
    """Whether adverse events are denied: all of them; those of the treatment alone."""
    said = plain(sentence)
    words = phrases("toxic")
    if any(not denied for _, denied in judged(said, phrases("tolerated"))):
        return False, True
    if GRADE.search(sentence) or not denies(said, words) or phrases("except").search(said):
        return False, False
    related = bool(phrases("caused_by_drug").search(said))
    return not related, related
