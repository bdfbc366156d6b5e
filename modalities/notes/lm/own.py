"""A user's own reports to learn from: JSON lines of a text and the findings that it states.

One line a report::

    {"text": "FINDINGS: ... IMPRESSION: ...", "findings": [{"concept": "lung_lesion",
     "lobe": "RUL", "long_mm": 24, "short_mm": 18, "prior_long_mm": 30, "change": "smaller"},
     {"concept": "pleural_effusion", "present": false}],
     "prior_date": "2020-01-31", "overall_response": "PR"}

Findings take the fields of :class:`OwnFinding`; ``prior_date`` and ``overall_response`` may be left
out. Nothing of the text but its findings and impression is learned.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alignment import identifiers
from alignment.plan import Certainty, Change, EncounterPlan, Finding, Protocol, Subject
from modalities.notes.ct_chest import CONCEPTS
from modalities.notes.lm.base import Base
from modalities.notes.lm.ct_chest import BETWEEN, CtChest
from modalities.notes.lm.pairs import Pair, tokens
from modalities.notes.lm.supported import room
from modalities.notes.outline import Outline, outline
from ontology.errors import ConsilienceError

_SECTIONS = re.compile(
    r"\bFINDINGS\s*:\s*(?P<findings>.+?)\s*\bIMPRESSION\s*:\s*(?P<impression>.+)", re.I | re.S
)
_DAY = dt.timedelta(days=60)
_HOUSE = re.compile(
    r"^a (?:mass|nodule) of|is not tiny|^number \d|under another organ|^not the largest|"
    r"^several (?:findings|organs|lobes|sides)|^more than the visit|^two statements|"
    r"of no known meaning|^unread denial"
)
"""Contradictions of the grammar's habits, not of a finding: others may speak otherwise."""
HELD_OUT = 10
"""One report in ten, chosen by the hash of its text, is measured and never trained on."""


class OwnFinding(BaseModel):
    """One finding of an own report; lengths in whole mm."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concept: str
    present: bool = True
    side: Literal["right", "left", "midline"] | None = None
    lobe: Literal["RUL", "RML", "RLL", "LUL", "LLL"] | None = None
    long_mm: int | None = Field(default=None, ge=0)
    short_mm: int | None = Field(default=None, ge=0)
    prior_long_mm: int | None = Field(default=None, ge=0)
    prior_short_mm: int | None = Field(default=None, ge=0)
    change: Change | None = None
    certainty: Certainty = "definite"
    target: bool = False


class OwnReport(BaseModel):
    """One line of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    findings: tuple[OwnFinding, ...]
    prior_date: dt.date | None = None
    overall_response: Literal["CR", "PR", "SD", "PD", "NE"] | None = None
    contrast: bool = True

    @property
    def held_out(self) -> bool:
        """Whether it is measured only."""
        return hashlib.sha256(self.text.encode()).digest()[0] % HELD_OUT == 0


@dataclass(frozen=True)
class OwnReports:
    """Pairs of the own reports, to learn from and held out."""

    learned: tuple[Pair, ...]
    held: tuple[Pair, ...]


def read(path: Path, model: Base) -> OwnReports:
    """The reports of a JSON-lines file as pairs for ``model``; none is held out of a few.

    Raises ConsilienceError that lists every line which cannot be used: unreadable, past the context
    of the model, or with a text that contradicts its findings as far as the read-back knows it.
    """
    if not path.is_file():
        raise ConsilienceError("no such file of reports", where=path, wanted="JSON lines")
    faults: list[str] = []
    learned: list[Pair] = []
    held: list[Pair] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            report = OwnReport.model_validate(json.loads(line))
            pair, said = _pair(report, number)
            faults += [f"line {number}: {what}" for what in _faults(pair, said, model)]
            (held if report.held_out else learned).append(pair)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            faults.append(f"line {number}: {place}: {first['msg']}")
        except (ValueError, ConsilienceError) as error:
            faults.append(f"line {number}: {error}")
    if faults:
        raise ConsilienceError(
            "reports that cannot be used", where=path, got="; ".join(faults[:20]),
            wanted='a line a report: {"text": "FINDINGS: ... IMPRESSION: ...", "findings": [...]}',
            remedy="correct text or findings of these lines, or leave them out",
        )  # fmt: skip
    if not learned:
        raise ConsilienceError("no report to learn from", where=path, wanted="two reports or more")
    return OwnReports(tuple(learned), tuple(held))


def _faults(pair: Pair, said: Outline, model: Base) -> Iterator[str]:
    """Why a pair cannot be learned."""
    length, limit = tokens(pair, model.tokenizer, model.end).length, room(model.model.config)
    if length > limit:
        yield f"{length} tokens with its prompt, more than the {limit} of the context"
        return
    for fault in CtChest().judge(said, pair.target, "own")[1]:
        if fault.kind == "contradicts" and not _HOUSE.search(fault.what):
            yield f"the text contradicts the findings: {fault.what}: '{fault.where[:80]}'"


def _pair(report: OwnReport, number: int) -> tuple[Pair, Outline]:
    parts = _SECTIONS.search(report.text)
    if parts is None:
        raise ValueError("text without FINDINGS: and IMPRESSION:")
    kind = CtChest()
    said = _outline(report, number)
    told = BETWEEN.join(_tidy(parts[name]) for name in ("findings", "impression"))
    return Pair(kind.prefix + kind.prompt(said), told), said


def _tidy(text: str) -> str:
    """Without empty lines, which separate the sections."""
    return "\n".join(line.strip() for line in text.strip().splitlines() if line.strip())


def _outline(report: OwnReport, number: int) -> Outline:
    date = (report.prior_date or dt.date(2020, 1, 1)) + _DAY
    follow_up = report.prior_date is not None
    plan = EncounterPlan(
        seed=0, model="own", patient_id=identifiers.patient_id(number), day=60 * follow_up,
        date=date, subject=Subject("female", 60, 165.0, 65.0, "never", 0.0),
        protocol=Protocol(contrast=report.contrast), histology="adenocarcinoma", stage="IVA",
        line=0, regimen=None, prior_day=0 if follow_up else None, prior_date=report.prior_date,
        overall_response=report.overall_response,
        findings=tuple(_finding(f, place) for place, f in enumerate(report.findings, 1)),
    )  # fmt: skip
    prior = None
    if report.prior_date is not None:
        prior = replace(plan, day=0, date=report.prior_date, prior_day=None, prior_date=None,
                        findings=())  # fmt: skip
    said = outline(plan, prior)
    unit = "cm" if re.search(r"\d ?cm\b", report.text) else "mm"
    layout = "list" if re.search(r"^\s*(?:\d+\.|-) ", report.text, re.M) else "prose"
    return replace(said, by_organ=False, style={**said.style, "style": layout, "unit": unit})


def _finding(f: OwnFinding, place: int) -> Finding:
    if f.concept not in CONCEPTS:
        raise ValueError(f"unknown concept '{f.concept}', wanted {', '.join(CONCEPTS)}")
    side = ("right" if f.lobe.startswith("R") else "left") if f.lobe else f.side
    return Finding(
        f"F{place:02d}", f.concept, present=f.present and f.change != "resolved",
        site=CONCEPTS[f.concept][0], lobe=f.lobe, side=side,
        measured_long_mm=0 if f.change == "resolved" else f.long_mm,
        measured_short_mm=f.short_mm, prior_long_mm=f.prior_long_mm,
        prior_short_mm=f.prior_short_mm, change=f.change, certainty=f.certainty,
        is_target=f.target, is_new=f.change == "new",
    )  # fmt: skip
