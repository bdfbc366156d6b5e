"""The truth tier of the patient: deaths and their causes, the size behind T, what is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from alignment import schemas
from eval.checks.rows import among, compare_rows, plain
from eval.dataset import Dataset
from eval.reference import T_SIZES_MM, t_by_size
from eval.result import CheckResult, Tally

PRIMARY = ("L01", "D01")
"""The primary at the first scan; D where local therapy removed it."""


def check_deaths(data: Dataset) -> CheckResult:
    """The earlier of the two latent deaths happens, unless follow-up ends before."""
    tally = Tally("deaths", "deaths and their causes are the latent ones within follow-up", "truth")
    latent, survival = data.table(schemas.TRUTH_DEATHS), data.table(schemas.SURVIVAL)
    if survival is None:
        return tally.result()
    if latent is None:
        tally.skip("no table truth/deaths")
        return tally.result()
    rows = plain(survival).merge(plain(latent), on="patient_id", how="left")
    end = (rows["origin_day"] + rows["os_days"]).to_numpy(float)
    died = rows["os_event"].to_numpy(bool)
    # Days are whole; who dies within the last day of follow-up may be seen or not.
    death = np.floor(rows[["cancer_day", "other_day"]].min(axis=1).to_numpy(float))
    compare_rows(
        tally,
        rows,
        np.where(died, death == end, death >= end),
        schemas.SURVIVAL.path,
        expected=death,
        found=[f"{'died' if d else 'alive'} on day {e:g}" for d, e in zip(died, end, strict=True)],
        message="death is not when truth/deaths has it",
    )
    cause = np.where(rows["cancer_day"] < rows["other_day"], "cancer", "other")
    expected = np.where(died, cause, "none")
    compare_rows(
        tally,
        rows,
        rows["cause_of_death"] == expected,
        schemas.SURVIVAL.path,
        expected=expected,
        found=rows["cause_of_death"],
        message="the cause of death is not that of the earlier latent death",
    )
    lost = np.floor(rows["lost_day"].to_numpy(float))
    gone = rows["censor_reason"].isin(["lost_to_follow_up", "withdrawal"]).to_numpy()
    compare_rows(
        tally,
        rows,
        np.where(gone, end == lost, end <= lost),
        schemas.SURVIVAL.path,
        expected=lost,
        found=end,
        message="follow-up does not end at the latent loss",
    )
    return tally.result()


def check_t_size(data: Dataset) -> CheckResult:
    """T is at least the category of the primary's latent size at the first scan."""
    tally = Tally("t_size", "T is at least what the primary's latent size asks for", "truth")
    patients, latent = data.table(schemas.PATIENTS), data.table(schemas.TRUTH_LESIONS)
    if patients is None or latent is None:
        return tally.result()
    sizes = plain(latent[latent["lesion_id"].isin(PRIMARY).to_numpy()])
    first = plain(latent.groupby("patient_id", observed=True)["day"].min().reset_index())
    sizes = sizes.merge(first, on=["patient_id", "day"]).dropna(subset="long_axis_mm")
    rows = plain(patients[["patient_id", "t"]]).merge(sizes, on="patient_id")
    order = list(T_SIZES_MM)
    known = rows["t"].isin(order)
    tally.skip("T without size", int((~known).sum()))
    rows = rows[known].reset_index(drop=True)
    least = [t_by_size(float(mm)) for mm in rows["long_axis_mm"]]
    compare_rows(
        tally,
        rows,
        [order.index(t) >= order.index(x) for t, x in zip(rows["t"], least, strict=True)],
        schemas.PATIENTS.path,
        expected=[f"{t} or higher at {mm:.1f} mm"
                  for t, mm in zip(least, rows["long_axis_mm"], strict=True)],
        found=rows["t"],
        message="T is lower than the primary's size",
    )  # fmt: skip
    return tally.result()


def check_missing(data: Dataset) -> CheckResult:
    """What truth/missing calls missing has no value in the tables."""
    tally = Tally("missing", "what is missing by truth/missing has no value", "truth")
    missing, labs = data.table(schemas.TRUTH_MISSING), data.table(schemas.LABS)
    if missing is None:
        tally.skip("no table truth/missing")
        return tally.result()
    rows = plain(missing)
    vitals = data.table(schemas.VITALS)
    for kinds, table, keys, item in (
        (("visit", "panel"), labs, ["patient_id", "day"], None),
        (("analyte",), labs, ["patient_id", "day", "loinc"], "loinc"),
        (("visit", "vitals"), _whole(vitals), ["patient_id", "day"], None),
    ):
        part = rows[rows["kind"].isin(kinds)].reset_index(drop=True)
        if table is None:
            tally.skip("no table to look in", len(part))
            continue
        part = part.rename(columns={"item": item}) if item else part
        compare_rows(
            tally,
            part,
            ~among(part, table, keys),
            schemas.TRUTH_MISSING.path,
            expected="no value",
            found=part["kind"],
            message="a value where truth/missing says that there is none",
        )
    return tally.result()


def _whole(vitals: pd.DataFrame | None) -> pd.DataFrame | None:
    """Vital signs of which something was recorded."""
    if vitals is None:
        return None
    signs = [column.name for column in schemas.VITALS.columns if column.nullable]
    return vitals[vitals[signs].notna().any(axis=1).to_numpy()]
