"""What clinical notes call things: clinical.yaml as patterns over :func:`prose.plain` text."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

import yaml

from eval.readers.prose import plain
from eval.reference import DRUGS

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
          "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
          "eighteen", "nineteen")  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:[- ](?P<ones>{'|'.join(_UNITS[1:10])}))?"
    rf"|(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))}))\b",
    re.IGNORECASE,
)
_LINE = re.compile(
    rf"\b(?:(?P<word>{'|'.join(ORDINALS)})[- ]line|(?P<number>[1-7])(?:st|nd|rd|th)?[- ]?line"
    r"|(?P<short>[1-7])L|line (?P<after>[1-7])|(?P<front>front[- ]?line))\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=1)
def load() -> dict[str, Any]:
    """The dictionary as in the file."""
    source = importlib.resources.files("eval.readers").joinpath("clinical.yaml")
    data: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return data


def pattern(phrases: Iterable[str], flags: int = 0) -> re.Pattern[str]:
    """One pattern of many phrases, longest first; the wildcards are those of clinical.yaml."""
    alternatives = []
    for phrase in sorted(phrases, key=len, reverse=True):
        words = re.escape(plain(phrase)).replace(r"\*", r"\w*")
        words = words.replace(r"\ \.\.\ ", r"(?:[\s,:-]+[\w'-]+){0,3}[\s,:-]+")
        alternatives.append(words.replace(r"\ ", r"[\s:-]+"))
    return re.compile(rf"(?<![\w-])(?:{'|'.join(alternatives)})(?!\w)", flags)


@cache
def phrases(*path: str) -> re.Pattern[str]:
    """The pattern of a list in the dictionary."""
    found: Any = load()
    for name in path:
        found = found[name]
    return pattern(found)


def first(group: str, said: str) -> str | None:
    """The first key of a group of which a phrase is found."""
    return next((key for key in load()[group] if phrases(group, key).search(said)), None)


@lru_cache(maxsize=1)
def _drugs() -> dict[str, re.Pattern[str]]:
    others = load()["drugs"]
    return {
        name: re.compile(rf"\b(?:{'|'.join([name, *others.get(name, ())])})\b")
        for name in DRUGS.values()
    }


def find_drugs(said: str) -> frozenset[str]:
    """Generic names of the drugs that a text names."""
    return frozenset(name for name, words in _drugs().items() if words.search(said))


def find_lines(text: str) -> list[int]:
    """Lines of therapy named, in order: "first-line", "2nd line", "3L", "line 2"."""
    return [
        ORDINALS.index(m["word"].lower()) + 1 if m["word"]
        else 1 if m["front"] else int(m["number"] or m["short"] or m["after"])
        for m in _LINE.finditer(text)
    ]  # fmt: skip


def digits(text: str) -> str:
    """Number words below a hundred as digits: "sixty-four", "four cycles"."""

    def number(match: re.Match[str]) -> str:
        if match["unit"]:
            return str(_UNITS.index(match["unit"].lower()))
        ones = _UNITS.index(match["ones"].lower()) if match["ones"] else 0
        return str(10 * (_TENS.index(match["tens"].lower()) + 2) + ones)

    return _WORDS.sub(number, text)
