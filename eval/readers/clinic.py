"""Reads facts from an oncology clinic note, sentence by sentence, by what each sentence is about.

Drugs, adverse events and analytes are found by their names, dates, grades and values by their form.
Which sentence is about what is told by cue words (STEPS, REASONS, ``_told`` and others), and those
were chosen by somebody who had seen the generator's notes: ``benchmarks/notes_reader.py`` measures
how many paraphrases they miss.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from eval.readers.clinic_labs import LabFact, read_labs
from eval.readers.person import Person, read_person
from eval.readers.prose import find_dates, plain, sentences, without_dates
from eval.reference import DRUGS

ORDINALS = ("first", "second", "third", "fourth", "fifth")
LOCAL = {
    "surgery": r"surgical resection|resection|lobectomy|surgery",
    "sbrt": r"stereotactic (?:body )?radi\w+(?: therapy)?|\bsbrt\b|\bsabr\b",
    "best_supportive_care": r"supportive care|symptom control",
}
RESPONSES = {
    "CR": r"complete response|\bCR\b",
    "PR": r"partial response|\bPR\b",
    "SD": r"stable disease|\bSD\b",
    "PD": r"progressive disease|disease progression|\bPD\b",
    "NE": r"not evaluable|cannot be evaluated|\bNE\b",
}
REASONS = {
    "neutrophils or platelets": r"\b(?:low|falling|poor) (?:blood )?counts|cytopa?enias?\b",
    "neutrophils": r"neutropa?enia|\blow neutrophil|\bneutrophils? (?:too )?low|\blow anc\b",
    "progression": r"\b(?:for|until|because of|due to|on) (?:disease )?progression",
    "toxicity": r"\b(?:for|because of|due to) toxicity",
    "completed": r"\bcompleted\b",
    "withdrawal": r"patient's wish|patient declined|withdr[ae]w",
}
STEPS = {  # the first that is found counts
    "start": r"\b(?:start|commence|initiate|begin)\b",
    "hold": r"\b(?:hold|withhold|omit|omitted|held)\b",
    "defer": r"\b(?:defer|deferred|not given today|no infusion today|postpone)\b",
    "stop": r"\b(?:stop|stopped|discontinue|discontinued)\b",
    "surveillance": r"\bsurveillance\b|follow-up without systemic treatment",
    "off_treatment": r"no active treatment|off treatment",
    "reduce": r"\breduced dose|\bdose reduc\w+|\breduc(?:e|ed|ing)\b|\blower(?:ed)? dose",
    "continue": r"\b(?:continue|proceed|carry on)\b",
}
_TPS = re.compile(r"PD-L1\D{0,40}?(<\s?1|\d{1,3})\s?%", re.IGNORECASE)
_ECOG = re.compile(r"\b(?:ECOG|PS)\b(?: performance status)?(?: of)?:? ?(\d)\b")
_WEIGHT = re.compile(r"\b(?:weight|weighs|wt):? (\d{2,3}(?:\.\d)?) kg", re.IGNORECASE)
_CHANGE = re.compile(r"([+-]\d+(?:\.\d)?) kg|\b(up|down) (\d+(?:\.\d)?) kg", re.IGNORECASE)
_SUM = re.compile(r"\bsum\b[^.;]*?(\d+) mm")
_INDUCTION = re.compile(r"\bafter (\d+) cycles? of\b", re.IGNORECASE)
_CYCLES = re.compile(r"(\d+) cycles? (?:given so far|to date|so far|given)")
_CYCLE = re.compile(r"\bcycle (\d+)\b", re.IGNORECASE)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d)?)\s?% (?:of the full )?dose")
_LINE = re.compile(rf"\b({'|'.join(ORDINALS)})-line", re.IGNORECASE)
_GRADE = re.compile(r"\(?\b(?:CTCAE )?(?:grade |G)([1-5])\b\)?")
SEVERITIES = ("mild", "moderate", "severe")
NOTICED = "weight loss noticed by the patient"
"""A symptom, which scales may not confirm."""
_NOTICED = re.compile(rf"\b({'|'.join(SEVERITIES)}) weight loss", re.IGNORECASE)
_DRIVER = re.compile(
    r"\b(?:(?P<exon>MET) ?(?:exon 14|ex14)(?: \w+)?"
    r"|(?P<gene>EGFR|ALK|ROS1|BRAF|KRAS|MET|RET|ERBB2|NTRK[123]) (?:p\.)?(?P<change>[A-Z*]\d+\w*)"
    r"|(?P<fusion>[A-Z0-9]+(?:-|::)(?:ALK|ROS1|RET|NTRK[123])) (?:fusion|rearrangement))"
)
_SYMPTOM = re.compile(r"\b(?:symptoms?|sx|reports|complains of|presents with)\b", re.IGNORECASE)
_EARLIER = re.compile(
    r"\bearlier\b|\b(?:during|in) the last line\b|\bpreviously\b|\bin the past\b", re.IGNORECASE
)
_OPEN = re.compile(r"\bto be (?:discussed|decided)\b|\bwill be discussed\b")
"""What is still open is no decision."""
_LEAD = re.compile(r"^.*?(?::| by |\breports |\bcomplains of |\bpresents with )", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LineFact:
    """A statement about treatment that is no plan: ``regimen`` is a key of LOCAL, or "" where
    ``drugs`` tell it."""

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
class GradedFact:
    """An adverse event or symptom with its CTCAE grade, in one spelling."""

    name: str
    grade: int
    symptom: bool
    earlier: bool
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


@dataclass
class ClinicReading:
    """Everything read from one note; None or empty where it says nothing."""

    dates: list[dt.date] = field(default_factory=list)
    person: Person | None = None
    tps: int | None = None
    drivers: list[str] = field(default_factory=list)
    recurrence: dt.date | None = None
    lines: list[LineFact] = field(default_factory=list)
    graded: list[GradedFact] = field(default_factory=list)
    no_symptoms: bool = False
    weight_loss: bool = False
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
        dates=[dated.date for dated in find_dates(text)], person=read_person(text),
        weight_loss=bool(re.search(r"los(?:s|ing|t) (?:of )?weight|weight loss", text.lower())),
    )  # fmt: skip
    for sentence in sentences(text):
        labs = read_labs(sentence)
        if labs:
            reading.labs += labs
        elif noticed := _NOTICED.search(sentence):
            grade = SEVERITIES.index(noticed[1].lower()) + 1
            reading.graded.append(GradedFact(NOTICED, grade, True, False, sentence))
        elif _GRADE.search(sentence):
            reading.graded += _graded(sentence, vocabulary)
        else:
            _read_tumour(sentence, reading)
            _read_state(sentence, reading)
            if not _read_response(sentence, reading):
                _read_treatment(sentence, reading)
    return reading


def _read_tumour(sentence: str, reading: ClinicReading) -> None:
    if match := _TPS.search(sentence):
        reading.tps = 0 if "<" in match[1] else int(match[1])
    for found in _DRIVER.finditer(sentence):
        fusion = (found["fusion"] or "").replace("::", "-")
        change = "MET exon 14 skipping" if found["exon"] else f"{found['gene']} {found['change']}"
        reading.drivers.append(fusion or change)
    if re.search(r"\brecurren(?:t|ce)\b", sentence):
        dates = find_dates(sentence)
        reading.recurrence = dates[0].date if dates else None


def _read_state(sentence: str, reading: ClinicReading) -> None:
    if match := _ECOG.search(sentence):
        reading.ecog = int(match[1])
    if match := _WEIGHT.search(sentence):
        reading.weight_kg = float(match[1])
        if change := _CHANGE.search(sentence[match.end() :]):
            sign = -1 if change[2] and change[2].lower() == "down" else 1
            reading.weight_change_kg = sign * float(change[1] or change[3])
    none = re.search(r"\bno\b|\bdenies\b", sentence, re.IGNORECASE)
    free = none and re.search(r"\bsymptoms\b", sentence)
    if free or re.search(r"asymptomatic", sentence, re.IGNORECASE):
        reading.no_symptoms = True
    if none and re.search(r"\badverse events?\b|\btoxicity\b", sentence):
        related = re.search(r"related|attribut|due to treatment|\btoxicity\b", sentence)
        reading.no_related = reading.no_related or bool(related)
        reading.no_toxicity = reading.no_toxicity or not related


def _read_response(sentence: str, reading: ClinicReading) -> bool:
    """Whether the sentence is about imaging; what it says of it is kept."""
    if not re.search(r"\bCT\b|\bimaging\b", sentence):
        return False
    for code, words in RESPONSES.items():
        if re.search(words, sentence, 0 if words.startswith(r"\b") else re.IGNORECASE):
            reading.response = code
            dates = find_dates(sentence)
            reading.response_date = dates[0].date if dates else None
            total = _SUM.search(without_dates(sentence))
            reading.sum_mm = int(total[1]) if total else None
            reading.new_lesion = bool(re.search(r"\bnew (?:lesion|disease)", sentence))
            break
    return True


def _read_treatment(sentence: str, reading: ClinicReading) -> None:
    lower = sentence.lower()
    drugs = frozenset(name for name in DRUGS.values() if re.search(rf"\b{name}\b", lower))
    local = next((key for key, words in LOCAL.items() if re.search(words, lower)), "")
    ordinal = _LINE.search(sentence)
    line = ORDINALS.index(ordinal[1].lower()) + 1 if ordinal else None
    reason = next((k for k, words in REASONS.items() if re.search(words, lower)), None)
    step = next((k for k, words in STEPS.items() if re.search(words, lower)), None)
    past = bool(find_dates(sentence)) or _told(lower)
    if local and not drugs and not past and not _OPEN.search(lower):
        step = "supportive" if local == "best_supportive_care" else "local"
    if step is not None and not past:
        cycle, share = _CYCLE.search(sentence), _PERCENT.search(lower)
        reading.steps.append(
            StepFact(
                step, drugs, line, int(cycle[1]) if cycle else None,
                float(share[1]) if share else None, reason, sentence,
            )
        )  # fmt: skip
    elif drugs or local:
        bare = without_dates(sentence)
        cycles, induction = _CYCLES.search(bare), _INDUCTION.search(bare)
        reading.lines.append(
            LineFact(
                line, drugs, "" if drugs else local, "adjuvant" in lower,
                tuple(dated.date for dated in find_dates(sentence)), reason,
                int(cycles[1]) if cycles else None, int(induction[1]) if induction else None,
                sentence,
            )
        )  # fmt: skip


def _told(sentence: str) -> bool:
    """A start that is told under treatment, not decided in the plan."""
    return bool(re.search(r"attends to start|first dose today|from today", sentence))


def _graded(sentence: str, vocabulary: Collection[str]) -> list[GradedFact]:
    """Every "grade 2 nausea", "nausea (grade 2)" or "G2 nausea" of an enumeration."""
    symptom, earlier = bool(_SYMPTOM.search(sentence)), bool(_EARLIER.search(sentence))
    lead = _LEAD.match(sentence)
    body = sentence[lead.end() :] if lead else sentence
    found, items = [], re.split(r",\s+|;\s+|\band\b", body)
    for before, item in zip(["", *items], items, strict=False):
        grade = _GRADE.search(item)
        if grade is None:
            continue
        rest = plain(f"{item[: grade.start()]} {item[grade.end() :]}")
        rest = rest.rpartition(":")[2].strip(" .") or plain(before).strip(" .")  # "cough, grade 1"
        known = [name for name in vocabulary if re.search(rf"\b{re.escape(name)}\b", rest)]
        name = max(known, key=len, default=" ".join(rest.split()[-4:]))
        found.append(GradedFact(name, int(grade[1]), symptom, earlier, sentence))
    return found
