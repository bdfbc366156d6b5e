"""Rows of tables/lesions against scans and treatment: coverage, what is new, what is too small."""

from __future__ import annotations

import numpy as np
import pandas as pd

from alignment import schemas
from eval.checks.rows import among, compare_rows, plain
from eval.dataset import Dataset
from eval.recist import READER, line_starts, sightings
from eval.reference import NODE_SITES, TOO_SMALL_MM
from eval.result import CheckResult, Tally, results

WHERE = schemas.LESIONS.path
SCAN = ["patient_id", "day"]


def check_lesions(data: Dataset) -> list[CheckResult]:
    """Coverage by scans of the chest and the brain, new lesions, the least size of a target."""
    coverage = Tally("lesion_coverage", "each scan has a row of every lesion it covers, no others")
    new = Tally("new_lesions", "new lesions are those first seen under treatment")
    small = Tally("too_small", "a target that is there counts at least 5 mm")
    tallies = [coverage, new, small]
    lesions, treatments = data.table(schemas.LESIONS), data.table(schemas.TREATMENTS)
    visits = data.table(schemas.VISITS)
    if lesions is None or treatments is None:
        return results(tallies)
    rows = sightings(lesions, line_starts(treatments))
    # A lesion keeps its mark: new is one whose first scan assessed a line.
    began = rows.groupby([*READER, "lesion_id"], sort=False)["fresh"].transform("any")
    compare_rows(
        new,
        rows,
        rows["is_new"].to_numpy(bool) == began.to_numpy(bool),
        WHERE,
        expected=began,
        found=rows["is_new"],
        message="is_new does not follow from the scan that first shows the lesion",
    )
    node = rows["site"].isin(NODE_SITES)
    size = np.where(node, rows["short_axis_mm"], rows["long_axis_mm"])
    least = (size >= TOO_SMALL_MM) | (size == 0) | np.isnan(size) | ~rows["is_target"]
    targets = rows["is_target"].to_numpy(bool)
    compare_rows(
        small,
        rows[targets],
        np.asarray(least, bool)[targets],
        WHERE,
        expected=f"0 or at least {TOO_SMALL_MM:g} mm",
        found=size[targets],
        message="a target is measured where it is too small to measure",
    )
    if visits is not None:
        _check_coverage(coverage, rows, plain(visits))
    return results(tallies)


def _check_coverage(tally: Tally, rows: pd.DataFrame, visits: pd.DataFrame) -> None:
    brain = (rows["site"] == "brain").to_numpy()
    scans = visits[visits["kind"] == "scan"].astype({"day": "int64"})
    brain_scans = visits[visits["kind"] == "brain_scan"].astype({"day": "int64"})
    for part, days, what in (
        (rows[~brain], scans, "scan"),
        (rows[brain], brain_scans, "brain_scan"),
    ):
        compare_rows(
            tally,
            part,
            among(part, days, SCAN),
            WHERE,
            expected=f"a visit of kind {what} on that day",
            found=part["lesion_id"] + " in " + part["site"],
            message=f"a lesion is seen without a {what.replace('_', ' ')}",
        )
        _check_gaps(tally, part, days)


def _check_gaps(tally: Tally, rows: pd.DataFrame, days: pd.DataFrame) -> None:
    """Once seen, a lesion has a row at every later scan of its site, unless it was removed."""
    key = [*READER, "lesion_id"]
    known = rows[rows["of_course"]].groupby(key, as_index=False)["first"].first()
    wanted = known.merge(days[SCAN], on="patient_id")
    wanted = wanted[wanted["day"] >= wanted["first"]].reset_index(drop=True)
    compare_rows(
        tally,
        wanted,
        among(wanted, rows, [*key, "day"]),
        WHERE,
        expected=wanted["lesion_id"],
        found="no row",
        message="a lesion known before has no row at a scan that covers it",
    )
