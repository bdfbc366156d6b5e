"""Radiographs and lobes against the CT of the same study, and lesions against their lobe."""

from __future__ import annotations

from collections.abc import Sequence

from eval.checks.imaging import Lesions
from eval.readers.lobes import LobesReading
from eval.reading import RadiographReading, StudyReading
from eval.result import CheckResult, Tally, results

PROJECTION_CORRELATION = 0.998
"""Of 23 studies of 12 patients, both views: 0.9989 to 0.9998 with their own CT, at most 0.9972 with
that of another patient; another visit of the same patient at 0.994 to 0.9997."""
SHADOW_SHARE = 0.5
"""Of a lesion's shadow: 0.83 to 1.06 where it is there, at most 0.07 where not (``shadow``)."""
HEART_LEAST_MM = -10.0
"""The heart reaches 16 to 45 mm further to the left; a tumour at the right takes some of that."""
AERATED_SHARE = 0.5
"""At least half of a lobe is lung on CT, or the mask is not where the lung is."""
COVERED_SHARE = 0.93
"""The rest of the air inside the chest is trachea and bronchi (2 %) and gas in the stomach."""
NAMES = ("RUL", "RML", "RLL", "LUL", "LLL")


def check_radiographs(readings: Sequence[StudyReading]) -> list[CheckResult]:
    """Each radiograph is the projection of its study's CT, lesion and all, and not mirrored."""
    projection = Tally("dx_projection", "radiographs are projections of the study's CT")
    sides = Tally("dx_side", "radiographs are not mirrored: against the CT, and by the heart")
    shadows = Tally("dx_lesion", "radiographs show the largest lung lesion of the study's CT")
    for reading in readings:
        for shot in reading.radiographs:
            where = f"{reading.where}/dx/{shot.name}"
            if shot.match is None:
                why = "no upright view" if reading.has_ct else "no CT"
                for tally in (projection, sides, shadows):
                    tally.skip(why)
                continue
            projection.compare(
                max(shot.match.correlation, shot.match.mirrored) >= PROJECTION_CORRELATION,
                reading.patient_id,
                reading.day,
                where,
                expected=f"correlation of at least {PROJECTION_CORRELATION}",
                found=f"{shot.match.correlation:.3f}",
                message=f"the {shot.view} view is not what this CT projects to",
            )
            _check_mirror(sides, reading, where, shot)
            _check_shadow(shadows, reading, where, shot)
    return results([projection, sides, shadows])


def _check_shadow(tally: Tally, reading: StudyReading, where: str, shot: RadiographReading) -> None:
    assert shot.match is not None
    if shot.match.correlation < max(PROJECTION_CORRELATION, shot.match.mirrored):
        tally.skip("not the projection of the CT, or mirrored")
    elif not shot.lesion:
        tally.skip("no lung lesion in the SEG")
    elif shot.shadow is None:
        tally.skip("the lesion's shadow is too thin, or not in the image")
    else:
        tally.compare(
            shot.shadow >= SHADOW_SHARE,
            reading.patient_id,
            reading.day,
            where,
            expected=f"at least {SHADOW_SHARE:.0%} of the shadow of {shot.lesion}",
            found=f"{shot.shadow:.0%}",
            message=f"the {shot.view} view does not show {shot.lesion}",
        )


def _check_mirror(tally: Tally, reading: StudyReading, where: str, shot: RadiographReading) -> None:
    assert shot.match is not None
    heart = shot.heart_left_mm
    straight = shot.match.correlation > shot.match.mirrored
    tally.compare(
        straight and (heart is None or heart > HEART_LEAST_MM),
        reading.patient_id,
        reading.day,
        where,
        expected="the CT's orientation, the heart at the left",
        found=f"correlation {shot.match.correlation:.3f}, mirrored {shot.match.mirrored:.3f}"
        + ("" if heart is None else f", heart {heart:+.0f} mm to the left"),
        message=f"the {shot.view} view is mirrored",
    )


def check_lobes(readings: Sequence[StudyReading], lesions: Lesions) -> list[CheckResult]:
    """Lobes are the CT's lungs, on their sides, in order; each lesion is in its lobe."""
    anatomy = Tally("lobes_ct", "lobe masks are the CT's lungs, on their sides, in their order")
    homes = Tally("lobes_lesions", "lesion masks lie in the lobe of tables/lesions")
    for reading in readings:
        if reading.lobes is None:
            if reading.has_ct:
                anatomy.skip("the study has no SEG of the lobes")
            continue
        where = f"{reading.where}/lobes"
        for lobe in reading.lobes.lobes:
            if lobe.aerated is None:
                anatomy.skip(f"{lobe.name} is all lesion or collapsed by an effusion")
        for expected, found, message in _faults(reading.lobes):
            anatomy.compare(
                expected == found,
                reading.patient_id,
                reading.day,
                where,
                expected=expected,
                found=found,
                message=message,
            )
        rows = {x.lesion_id: x for x in lesions.get((reading.patient_id, reading.day), ())}
        for name, home in sorted(reading.lobes.lesions.items()):
            row = rows.get(name)
            if row is None or row.lobe not in NAMES:
                homes.skip("the table names no lobe for it")
                continue
            homes.compare(
                home == row.lobe,
                reading.patient_id,
                reading.day,
                f"{where} {name}",
                expected=row.lobe,
                found=home or "no lobe",
                message=f"most of {name} is not in the lobe that the table names",
            )
    return results([anatomy, homes])


def _faults(read: LobesReading) -> list[tuple[str, str, str]]:
    """What was expected, what was found and what it would mean, comparison by comparison."""
    lobes = {lobe.name: lobe for lobe in read.lobes}
    present = sorted(lobe.name for lobe in read.lobes) + list(read.unknown)
    asked = [
        (" ".join(sorted(NAMES)), " ".join(present), "not the five lobes, each once"),
        ("0 voxels", f"{read.shared} voxels", "lobes overlap"),
        _least(COVERED_SHARE, read.covered, "the lobes leave out lung that the CT shows"),
    ]
    for name, lobe in lobes.items():
        if lobe.aerated is not None:
            asked.append(_least(AERATED_SHARE, lobe.aerated, f"{name} is not lung on the CT"))
        found = "left" if lobe.left_mm > 0 else "right"
        side = "right" if name.startswith("R") else "left"
        asked.append((side, found, f"{name} is on the other side of the body"))
    for upper, lower in (("RUL", "RLL"), ("LUL", "LLL")):
        if upper in lobes and lower in lobes:
            above = lobes[upper].height_mm > lobes[lower].height_mm
            asked.append(("above", "above" if above else "below", f"{upper} against {lower}"))
    return asked


def _least(limit: float, found: float, message: str) -> tuple[str, str, str]:
    expected = f"at least {limit:.0%}"
    return expected, expected if found >= limit else f"{found:.0%}", message
