"""Reads treatment from one sentence of a clinic note: what was given, or what is decided."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from eval.readers.prose import find_dates, plain, without_dates
from eval.readers.wording import ORDINALS, digits, find_drugs, find_lines, first, load, phrases

_CYCLE = re.compile(
    rf"\bcycle (?:number |no\.? ?|#)?(\d+)\b|\bC(\d+)(?:D\d+)?\b|\b({'|'.join(ORDINALS)}) cycle\b"
    r"|\b(\d+)(?:st|nd|rd|th) cycle\b",
    re.IGNORECASE,
)
_INDUCTION = re.compile(r"\bafter (\d+) cycles? of\b(?=.*\b(?:now|maintenance|followed by)\b)")
_CYCLES = re.compile(
    r"(?<!after )(?<!of )(?<!further )(?<!more )(?<!planned )(?<!to )\b(\d+) (?:\w+ )?cycles?\b"
    r"(?! (?:are |were )?(?:planned|remain|of .*\bnow\b))"
)
_PERCENT = re.compile(r"(?P<by>\bby )?(?P<n>\d{1,3}(?:\.\d+)?) ?(?:%|per ?cent)(?P<after>[^;,.]*)")
_FRACTION = re.compile(r"\bby (?:a |1[ -])?(quarter|third|half)\b|\b(half|3[ -]quarters)\b")
_FRACTIONS = {"quarter": 75.0, "half": 50.0, "3 quarters": 75.0, "3-quarters": 75.0}
_LESS = re.compile(r"^(?: \w+)? (?:dose )?(?:reduction|lower|less|decrease|cut)")
_FULL = re.compile(r"\bfull[- ]dose\b|\bwithout (?:any )?dose (?:reduction|modification)")
_NOT = re.compile(
    r"(?:\bnot|n't|\bno need to|\bno reason to|\brather than|\binstead of|\bnever|\bbefore"
    r"|\bprior to|\bsince|\bno|\bwithout|\bpatient to)(?: \w+)? $"
)
_ORDER = re.compile(r"\s*(?:plan:? ?)?(?:(?:we|i) (?:will |shall )?|to )?")
"""What may stand before a decision that leaves out what it is about: "Plan: continue"."""


@dataclass(frozen=True, slots=True)
class LineFact:
    """A statement about treatment that is no plan: ``regimen`` is a key of the dictionary's local
    treatments, or "" where ``drugs`` tell it."""

    line: int | None
    drugs: frozenset[str]
    regimen: str
    adjuvant: bool
    dates: tuple[dt.date, ...]
    reason: str | None
    cycles: int | None
    induction: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class StepFact:
    """What the plan decides; share: of the full dose, in per cent."""

    step: str
    drugs: frozenset[str]
    line: int | None
    cycle: int | None
    share: float | None
    reason: str | None
    sentence: str


def read_treatment(sentence: str) -> LineFact | StepFact | None:
    """What a sentence tells of treatment; None where it names none and decides nothing."""
    said = plain(digits(sentence))
    drugs, local = find_drugs(said), first("local", said) or ""
    step = None if find_dates(sentence) else _step(said, drugs, local)
    lines = find_lines(sentence)
    line = lines[0] if lines else None
    if step is not None:
        decided = ";".join(_decided(said))
        return StepFact(
            step, drugs, line, _cycle(sentence), _share(said), _reason(decided), sentence
        )
    if not drugs and not local:
        return None
    bare = plain(digits(without_dates(sentence)))
    cycles, induction = _CYCLES.search(bare), _INDUCTION.search(bare)
    return LineFact(
        line, drugs, "" if drugs else local, "adjuvant" in said,
        tuple(dated.date for dated in find_dates(sentence)), _reason(said),
        int(cycles[1]) if cycles and not induction else None,
        int(induction[1]) if induction else None, sentence,
    )  # fmt: skip


def _decided(said: str) -> list[str]:
    """The clauses that are no open question."""
    return [part for part in said.split(";") if not phrases("open").search(part)]


def _step(said: str, drugs: frozenset[str], local: str) -> str | None:
    """What is decided, by the first key of the dictionary that a clause has."""
    if phrases("told", "strong").search(said):
        return None
    decided = _decided(said)
    step = next((s for part in decided if (s := _cue(part, drugs, local))), None)
    if phrases("told", "weak").search(said) and (local or step is None):
        return None
    named = local and not drugs and any(phrases("local", local).search(part) for part in decided)
    if named and not phrases("past").search(said):
        return "supportive" if local == "best_supportive_care" else "local"
    return step


def _cue(part: str, drugs: frozenset[str], local: str) -> str | None:
    text = phrases("pseudo").sub(lambda m: "#" * len(m[0]), part)
    order = _ORDER.match(text)
    about = drugs or local or phrases("object").search(text)
    for step in load()["steps"]:
        free = about or step in load()["decisive"]
        for match in phrases("steps", step).finditer(text):
            bare = order is not None and match.start() == order.end()
            if (free or bare) and not _NOT.search(text[: match.start()]):
                return str(step)
    return None


def _cycle(sentence: str) -> int | None:
    match = _CYCLE.search(digits(sentence))
    if match is None:
        return None
    ordinal = match[3]
    return ORDINALS.index(ordinal.lower()) + 1 if ordinal else int(match[1] or match[2] or match[4])


def _share(said: str) -> float | None:
    """Of the full dose, per cent: "at 75%", "reduced by 25%", "a 25% dose reduction"."""
    if match := _PERCENT.search(said):
        number = float(match["n"])
        return 100 - number if match["by"] or _LESS.match(match["after"]) else number
    if match := _FRACTION.search(said):
        return _FRACTIONS.get(match[1] or match[2])
    return 100.0 if _FULL.search(said) else None


def _reason(said: str) -> str | None:
    """Why a line ended or a dose was changed: a key as treatments and doses have it."""
    if reason := first("reasons", said):
        return reason
    for reason in load()["caused"]:
        for match in phrases("caused", reason).finditer(said):
            words = said[: match.start()].split()[-5:]
            if phrases("because").search(" ".join(words)):
                return str(reason)
    if phrases("completion").search(said) and not phrases("ongoing").search(said):
        return "completed"
    return "withdrawal" if phrases("withdrawal").search(said) else None
