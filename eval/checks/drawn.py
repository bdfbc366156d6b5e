"""truth/rendering in numbers and words: volumes of effusions, descriptions of what is rendered."""

from __future__ import annotations

import math
from collections.abc import Sequence

from alignment import schemas
from eval.checks.imaging import Lesions
from eval.dataset import Dataset, strings
from eval.reading import StudyReading
from eval.result import CheckResult, Tally, results

VOLUME_SHARE = 0.01
"""A mask of whole voxels has the volume of what was drawn; headers round a pixel's size."""
WHERE = schemas.TRUTH_RENDERING.path


def check_drawn(
    data: Dataset, readings: Sequence[StudyReading], lesions: Lesions
) -> list[CheckResult]:
    """Effusions are as large as truth/rendering says, and all that is rendered is described."""
    volumes = Tally(
        "effusion_volume", "effusions are as large as truth/rendering says, within 1 %", "truth"
    )
    words = Tally("described", "what truth/rendering calls rendered is described", "truth")
    frame = data.table(schemas.TRUTH_RENDERING)
    if frame is None:
        return results([volumes, words])
    frame = frame[frame["rendered"].to_numpy(bool)]
    found = {
        (r.patient_id, r.day, s.tracking_id): s.volume_ml for r in readings for s in r.segments
    }
    columns = ("patient_id", "day", "finding_id", "modality", "description")
    rows = zip(*(strings(frame[c]) for c in columns), frame["volume_ml"].astype(float), strict=True)
    for patient, day, name, modality, description, volume_ml in rows:
        words.compare(
            isinstance(description, str) and bool(description.strip()),
            patient,
            int(day),
            WHERE,
            expected="how it was drawn, in words",
            found=description or "nothing",
            message=f"{name} is rendered, but not described",
        )
        seen = {x.lesion_id: x.site for x in lesions.get((patient, int(day)), ())}
        key = (patient, int(day), name)
        if modality == "ct" and key in found:
            effusion = seen.get(name) == "pleura"
            _check_volume(volumes, key, found[key], volume_ml, effusion=effusion)
    return results([volumes, words])


def _check_volume(
    tally: Tally,
    key: tuple[str, int, str],
    found: float | None,
    wanted: float,
    *,
    effusion: bool,
) -> None:
    patient, day, name = key
    if math.isnan(wanted) and not effusion:
        return
    if found is None:
        tally.skip("no CT that says how far apart slices are")
        return
    tally.compare(
        abs(found - wanted) <= VOLUME_SHARE * wanted,
        patient,
        day,
        WHERE,
        expected="a volume" if math.isnan(wanted) else f"{wanted:.1f} mL",
        found=f"{found:.1f} mL",
        message=f"the mask of {name} is not as large as the truth says",
    )
