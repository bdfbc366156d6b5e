"""Reads facts from an oncology clinic note, sentence by sentence, by what each sentence is about.

Drugs, adverse events and analytes are found by their names, dates, grades and values by their form,
the rest by the words of clinical.yaml: ``benchmarks/notes_reader.py`` measures how many paraphrases
they miss.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from eval.readers.clinic_labs import LabFact, read_labs, without_labs
from eval.readers.denial import states
from eval.readers.genes import named_alterations
from eval.readers.graded import GradedFact, read_graded
from eval.readers.markers import read_tps
from eval.readers.person import Person, read_person
from eval.readers.prose import find_dates, sentences
from eval.readers.responses import about_imaging, names_response, read_response
from eval.readers.state import (
    denied_toxicity,
    feels_well,
    read_ecog,
    read_lost,
    read_weight,
    tells_severe,
    tells_weight_loss,
)
from eval.readers.steps import LineFact, StepFact, read_treatment

_RECURRED = re.compile(r"\brecurr\w+|\brelaps\w+")
_RECURRENT = re.compile(r"\brecurren(?:t|ce)\b")
_NEXT_DECISION = re.compile(r"[;,] (?:and )?(?:so|therefore|hence|thus|we|I)\b|; ")


@dataclass
class ClinicReading:
    """Everything read from one note; None or empty where it says nothing."""

    dates: list[dt.date] = field(default_factory=list)
    person: Person | None = None
    tps: int | None = None
    drivers: list[str] = field(default_factory=list)
    recurrence: dt.date | None = None
    relapse_scan: dt.date | None = None
    lines: list[LineFact] = field(default_factory=list)
    graded: list[GradedFact] = field(default_factory=list)
    no_symptoms: bool = False
    weight_loss: bool = False
    lost: tuple[float, float] | None = None  # per cent of the baseline weight, from and to
    severe: bool = False  # a symptom is called so, without a grade
    no_toxicity: bool = False
    no_related: bool = False
    ecog: int | None = None
    weight_kg: float | None = None
    weight_change_kg: float | None = None
    labs: list[LabFact] = field(default_factory=list)
    response: str | None = None
    response_date: dt.date | None = None
    sum_mm: int | None = None
    new_lesion: bool = False
    steps: list[StepFact] = field(default_factory=list)


def read_clinic(text: str, vocabulary: Collection[str] = ()) -> ClinicReading:
    """Facts of one note. ``vocabulary``: events and symptoms, in :func:`plain` spelling."""
    reading = ClinicReading(
        dates=[dated.date for dated in find_dates(text)], person=read_person(text)
    )
    for sentence in sentences(text):
        _read_sentence(sentence, vocabulary, reading)
    return reading


def _read_sentence(sentence: str, vocabulary: Collection[str], reading: ClinicReading) -> None:
    """Values first, then grades; what else is said; treatment in a sentence about no other."""
    labs = read_labs(sentence)
    reading.labs += labs
    rest = without_labs(sentence)
    graded = read_graded(rest, vocabulary)
    reading.graded += graded
    _read_tumour(rest, reading)
    if (ecog := read_ecog(rest)) is not None:
        reading.ecog = ecog
    weight, change = read_weight(rest)
    if weight is not None:
        reading.weight_kg, reading.weight_change_kg = weight, change
    reading.weight_loss = reading.weight_loss or tells_weight_loss(rest)
    reading.lost = read_lost(rest) or reading.lost
    reading.severe = reading.severe or tells_severe(rest)
    if labs or graded:
        treatment = read_treatment(sentence)
        if isinstance(treatment, StepFact) and treatment.drugs:
            reading.steps.append(treatment)
        return
    reading.no_symptoms = reading.no_symptoms or feels_well(sentence)
    every, related = denied_toxicity(sentence)
    reading.no_toxicity, reading.no_related = (
        reading.no_toxicity or every, reading.no_related or related,
    )  # fmt: skip
    if not _read_response(sentence, reading):
        _read_treatment(sentence, reading, every or related)


def _read_tumour(sentence: str, reading: ClinicReading) -> None:
    if (tps := read_tps(sentence)) is not None:
        reading.tps = tps
    reading.drivers += named_alterations(sentence)
    # A scan that showed relapse has its own date.
    words = _RECURRENT if about_imaging(sentence) else _RECURRED
    match = words.search(sentence.lower())
    if match and states(sentence.lower(), words):
        dates = find_dates(sentence)
        late = [d for d in dates if d.start > match.start()] or dates
        reading.recurrence = late[0].date if late else None
    elif about_imaging(sentence) and states(sentence.lower(), _RECURRED):
        dates = find_dates(sentence)
        reading.relapse_scan = dates[0].date if dates else None


def _read_response(sentence: str, reading: ClinicReading) -> bool:
    """Whether the sentence is about imaging; what it says of it, and of treatment then, is kept."""
    if not about_imaging(sentence) and not names_response(sentence):
        return False
    treatment = read_treatment(sentence)
    if not about_imaging(sentence) and treatment is not None:
        told = isinstance(treatment, StepFact) or treatment.dates or treatment.line
        if told:
            return False
    fact = read_response(sentence)
    if fact is not None:
        reading.response, reading.response_date = fact.response, fact.date
        reading.sum_mm, reading.new_lesion = fact.sum_mm, fact.new_lesion
    parts = _NEXT_DECISION.split(sentence, maxsplit=1)
    then = read_treatment(parts[1]) if len(parts) == 2 else None
    if isinstance(then, StepFact) and then.drugs:
        reading.steps.append(then)
    return True


def _read_treatment(sentence: str, reading: ClinicReading, tolerated: bool) -> None:
    fact = read_treatment(sentence)
    if isinstance(fact, StepFact):
        reading.steps.append(fact)
    elif fact is not None and (not tolerated or fact.dates or fact.line or fact.cycles):
        reading.lines.append(fact)
