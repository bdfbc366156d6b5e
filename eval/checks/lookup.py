"""Lesion rows by patient and day, as plain objects that imaging and text checks share."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from alignment import schemas
from eval.dataset import Dataset, strings
from eval.reference import (
    CT_SITES,
    MEASURED_SITES,
    NODE_SITES,
    STABLE_MM,
    STABLE_SHARE,
)

INVESTIGATOR = "investigator"
"""The reader of the site, who writes the report and the SR; a central reader only measures."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """One row of tables/lesions, with the same lesion's measurement on the scan before.

    mm; None where not measurable; 0 where gone.
    """

    lesion_id: str
    site: str
    lobe: str | None
    side: str | None
    long_mm: float | None
    short_mm: float | None
    is_new: bool
    prior_long_mm: float | None = None
    prior_short_mm: float | None = None
    first_seen: bool = False
    is_target: bool = False

    @property
    def covered(self) -> bool:
        """Whether a chest CT shows this site."""
        return self.site in CT_SITES

    @property
    def gone(self) -> bool:
        """Measured as 0."""
        return self.long_mm == 0

    @property
    def measured(self) -> bool:
        """Whether an SR must carry it: a measurable site that the chest CT covers, size > 0."""
        return self.site in MEASURED_SITES and (self.long_mm or 0) > 0

    def change(self) -> str | None:
        """Expected wording of the change since the scan before; None where there is none."""
        if self.is_new and self.first_seen:
            return "new"
        node = self.site in NODE_SITES
        now, before = (
            (self.short_mm, self.prior_short_mm) if node else (self.long_mm, self.prior_long_mm)
        )
        if now is None or before is None:
            return None
        if self.gone:
            return "resolved"
        difference = now - before
        if abs(difference) <= STABLE_MM or abs(difference) < STABLE_SHARE * before:
            return "stable"
        return "larger" if difference > 0 else "smaller"


Scan = tuple[str, int]


def lesions_by_scan(data: Dataset, scans: set[Scan]) -> dict[Scan, tuple[Lesion, ...]]:
    """The investigator's lesion rows of the patients in ``scans``, by (patient_id, day)."""
    frame = data.table(schemas.LESIONS)
    if frame is None or not scans:
        return {}
    wanted = {patient for patient, _ in scans}
    by_site = (frame["assessor"] == INVESTIGATOR).to_numpy()
    frame = frame[by_site & frame["patient_id"].isin(wanted).to_numpy()]
    names = ("patient_id", "day", "lesion_id", "site", "lobe", "side", "long_axis_mm",
             "short_axis_mm", "is_new", "is_target")  # fmt: skip
    columns = [strings(frame[name]).tolist() for name in names]
    rows = sorted(zip(*columns, strict=True), key=lambda row: (row[0], row[2], row[1]))
    found: dict[Scan, list[Lesion]] = defaultdict(list)
    before: Lesion | None = None
    owner: tuple[str, str] | None = None
    for patient, day, name, site, lobe, side, long_mm, short_mm, is_new, is_target in rows:
        prior = before if owner == (patient, name) else None
        lesion = Lesion(
            name,
            site,
            _optional(lobe),
            _optional(side),
            _number(long_mm),
            _number(short_mm),
            bool(is_new),
            prior.long_mm if prior else None,
            prior.short_mm if prior else None,
            first_seen=prior is None,
            is_target=bool(is_target),
        )
        found[patient, int(day)].append(lesion)
        before, owner = lesion, (patient, name)
    return {scan: tuple(lesions) for scan, lesions in found.items()}


def _optional(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
