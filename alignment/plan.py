"""EncounterPlan: what one imaging visit must show, in every modality."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from alignment import identifiers
from alignment.canonical import canonical_json, sha256_of

Change = Literal["new", "larger", "smaller", "stable", "resolved"]
Certainty = Literal["definite", "probable", "possible"]
Kernel = Literal["soft", "sharp"]
"""Reconstruction kernel: soft for soft tissue, sharp for lung and bone."""
Network = Literal["whole", "lesions", "none"]
"""Where the CT network renders: the whole body, around lesions only, or nowhere."""

Purpose = Literal["staging", "response", "follow_up", "supportive", "surveillance", "recurrence"]
"""Why the scan was asked for, from what was known before it: no treatment yet; under a line; after
one; under supportive care; after local treatment; after that, with a recurrence recorded earlier.
"""

STABLE_MM = 2.0
"""A measured change of at most this many mm is within the reader's variation."""
STABLE_SHARE = 0.10
"""... and so is one of less than this share of the prior measurement."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the visit shows, or (``present=False``) expressly does not.

    ``latent_*``: mm, as rendered in pixels and masks. ``measured_*``: whole mm, as the reader
    wrote them into tables, SR and report; None where not measurable. ``rendered``: modalities
    whose pixels show it; a finding outside them is still reported.
    """

    finding_id: str
    concept: str  # key of a finding in the knowledge graph: lung_lesion, pleural_effusion, ...
    present: bool
    site: str
    lobe: str | None = None
    side: str | None = None
    latent_long_mm: float | None = None
    latent_short_mm: float | None = None
    measured_long_mm: int | None = None
    measured_short_mm: int | None = None
    prior_long_mm: int | None = None
    prior_short_mm: int | None = None
    change: Change | None = None
    certainty: Certainty = "definite"
    is_target: bool = False
    is_new: bool = False
    rendered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """The body behind the images: age in years at index, height in cm, weight in kg.

    ``copd``: chronic obstructive pulmonary disease at index, which inflates the lungs.
    """

    sex: str
    age: int
    height_cm: float
    weight_kg: float
    smoking_status: str
    pack_years: float
    copd: bool = False


@dataclass(frozen=True, slots=True)
class Protocol:
    """How the CT is taken: matrix in pixels, slice thickness in mm; whether radiographs are.

    ``network``: where the diffusion network renders it; ``weights``: the path of its weights, the
    shipped ones where empty. ``kernel``: of the reconstruction. ``ctdi_mgy``: dose, as CTDIvol.
    """

    matrix: int = 256
    slice_mm: float = 5.0
    contrast: bool = True
    radiographs: bool = True
    network: Network = "whole"
    weights: str = ""
    kernel: Kernel = "soft"
    ctdi_mgy: float = 9.0


@dataclass(frozen=True)
class EncounterPlan:
    """One imaging visit. The same plan always renders the same bytes."""

    seed: int
    model: str  # identifies graph and disease file: a changed model changes every UID
    patient_id: str
    day: int
    date: dt.date
    subject: Subject
    protocol: Protocol
    histology: str
    stage: str
    line: int  # 0 at baseline
    regimen: str | None
    prior_day: int | None
    prior_date: dt.date | None
    overall_response: str | None
    findings: tuple[Finding, ...]
    purpose: Purpose | None = None  # None: response under a line, staging without one
    local: str | None = None  # surgery or sbrt begun before this scan
    confirmed: bool = True  # whether histology and stage were known
    recurred: bool = False  # whether a recurrence had been recorded on an earlier day

    @property
    def asked(self) -> Purpose:
        """Why the scan was asked for."""
        return self.purpose or ("response" if self.line else "staging")

    @property
    def age(self) -> int:
        """Age in years on the day."""
        return identifiers.age_on(self.subject.age, self.day)

    @property
    def patient_index(self) -> int:
        """The number that keys the patient's noise."""
        return identifiers.patient_index(self.patient_id)

    @property
    def study(self) -> str:
        """Name of the study's folder."""
        return identifiers.study_name(self.day)

    @cached_property
    def json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, ISO dates."""
        return canonical_json(self)

    @cached_property
    def digest(self) -> str:
        """sha256 of ``json``."""
        return sha256_of(self.json)

    def uid(self, *role: object) -> str:
        """DICOM UID of one object of this visit; a changed plan has other UIDs."""
        return identifiers.dicom_uid(self.seed, self.patient_id, self.digest, self.model, *role)

    def lesions(self, modality: str) -> tuple[Finding, ...]:
        """Findings with a latent size that this modality must show, largest first."""
        shown = [
            f
            for f in self.findings
            if f.present and modality in f.rendered and (f.latent_long_mm or 0) > 0
        ]
        return tuple(sorted(shown, key=lambda f: (-(f.latent_long_mm or 0), f.finding_id)))


def from_json(text: str) -> EncounterPlan:
    """Inverse of ``EncounterPlan.json``."""
    data: dict[str, Any] = json.loads(text)
    findings = tuple(
        Finding(**{**f, "rendered": tuple(f["rendered"])}) for f in data.pop("findings")
    )
    prior = data.pop("prior_date")
    return EncounterPlan(
        **{
            **data,
            "date": dt.date.fromisoformat(data["date"]),
            "prior_date": dt.date.fromisoformat(prior) if prior else None,
            "subject": Subject(**data["subject"]),
            "protocol": Protocol(**data["protocol"]),
            "findings": findings,
        }
    )


def change_between(prior_mm: int | None, now_mm: int | None, *, is_new: bool) -> Change | None:
    """How the reader words the change of one lesion since the prior study."""
    if is_new and prior_mm is None:
        return "new"
    if prior_mm is None or now_mm is None:
        return None
    if now_mm == 0:
        return "resolved" if prior_mm > 0 else None
    difference = now_mm - prior_mm
    if abs(difference) <= STABLE_MM or abs(difference) < STABLE_SHARE * prior_mm:
        return "stable"
    return "larger" if difference > 0 else "smaller"
