"""From tables to the plans of the notes that are not read off an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from alignment import clinic, clinic_planner, molecular
from alignment.clinic import ClinicPlan
from alignment.lexicon import Lexicon
from alignment.molecular import MolecularPlan
from alignment.record import records

NotePlan = ClinicPlan | MolecularPlan


def plan_notes(
    tables: Mapping[str, pa.Table], kinds: Sequence[str], lexicon: Lexicon, *, seed: int, model: str
) -> Iterator[NotePlan]:
    """Plans of the clinic notes and molecular reports of all patients, by patient, kind, day."""
    if not {clinic.KIND, molecular.KIND} & set(kinds):
        return
    for record in records(tables):
        if clinic.KIND in kinds:
            for day in clinic_planner.clinic_days(record):
                yield clinic_planner.plan_clinic(record, day, lexicon, seed=seed, model=model)
        if molecular.KIND in kinds:
            for day in molecular.specimen_days(record):
                yield molecular.plan_molecular(record, day, lexicon, seed=seed, model=model)
