"""Files against the manifest; tables against their schema; dates in order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alignment import identifiers, schemas
from eval.checks.ends import death_days, follow_up_ends
from eval.dataset import Dataset, mapped
from eval.readers.tables import schema_faults
from eval.result import CheckResult, Tally, results
from ontology.errors import ConsilienceError

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""

OUTSIDE_MANIFEST = ("report",)
"""Top-level folders that an evaluation writes into a dataset."""

ENUMERATIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("patients", "sex"): schemas.SEXES,
    ("patients", "smoking_status"): schemas.SMOKING,
    ("patients", "summary_stage"): schemas.SUMMARY_STAGES,
    ("visits", "kind"): schemas.VISIT_KINDS,
    ("lesions", "assessor"): schemas.ASSESSORS,
    ("lesions", "site"): schemas.SITES,
    ("lesions", "lobe"): schemas.LOBES,
    ("lesions", "side"): schemas.SIDES,
    ("responses", "target_response"): schemas.RESPONSES,
    ("responses", "nontarget_response"): schemas.NONTARGET_RESPONSES,
    ("responses", "overall_response"): schemas.RESPONSES,
    ("responses", "assessor"): schemas.ASSESSORS,
    ("best_responses", "assessor"): schemas.ASSESSORS,
    ("best_responses", "best_response"): schemas.RESPONSES,
    ("best_responses", "confirmed_response"): schemas.RESPONSES,
    ("treatments", "intent"): schemas.INTENTS,
    ("treatments", "stop_reason"): schemas.STOP_REASONS,
    ("doses", "action"): schemas.DOSE_ACTIONS,
    ("events", "category"): schemas.EVENT_CATEGORIES,
    ("labs", "flag"): schemas.FLAGS,
    ("survival", "pfs_cause"): schemas.PFS_CAUSES,
    ("survival", "assessor"): schemas.ASSESSORS,
    ("survival", "cause_of_death"): schemas.DEATH_CAUSES,
    ("survival", "censor_reason"): schemas.CENSOR_REASONS,
    ("missing", "kind"): schemas.MISSING_KINDS,
    ("missing", "mechanism"): schemas.MECHANISMS,
    ("splits", "split"): schemas.SPLITS,
}


def check_files(data: Dataset, progress: Progress) -> CheckResult:
    """Every file's sha256 as the manifest says, none missing, none unlisted."""
    tally = Tally("files", "files are those of the manifest, by sha256")
    listed: dict[str, str] = data.manifest["files"]
    present = {
        path.relative_to(data.folder).as_posix()
        for path in data.folder.rglob("*")
        if path.is_file()
    }
    present -= {identifiers.MANIFEST}
    present = {name for name in present if name.split("/")[0] not in OUTSIDE_MANIFEST}
    for done, name in enumerate(sorted(set(listed) | present)):
        progress("checksums", done, len(listed))
        patient = _patient_of(name)
        if name not in present:
            tally.violate(
                patient,
                None,
                name,
                expected="a file",
                found="none",
                message="the manifest lists a file that is missing",
            )
        elif name not in listed:
            tally.violate(
                patient,
                None,
                name,
                expected="no file",
                found="a file",
                message="the file is not in the manifest",
            )
        else:
            found = _sha256(data.folder / name)
            tally.compare(
                found == listed[name],
                patient,
                None,
                name,
                expected=listed[name],
                found=found,
                message="the file's content has changed",
            )
    return tally.result()


def _patient_of(name: str) -> str:
    parts = Path(name).parts
    return parts[1] if parts[0] in ("imaging", "notes") and len(parts) > 2 else ""


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ConsilienceError(
            "the file cannot be read", where=path, got=error, remedy="check its permissions"
        ) from error


def check_tables(data: Dataset) -> list[CheckResult]:
    """Schema, keys, allowed values and the order of days, over every table that is there."""
    schema = Tally("schema", "tables have the columns, types and values of their schema")
    keys = Tally("keys", "table keys are unique and name patients of the cohort")
    order = Tally("dates", "days are in order and nothing is dated after the end of follow-up")
    patients = data.table(schemas.PATIENTS)
    known = set() if patients is None else set(patients["patient_id"])
    deaths, ends = death_days(data), follow_up_ends(data)
    for table in schemas.ALL.values():
        found = data.schema(table)
        if found is None:
            continue
        faults = schema_faults(found, table)
        for column, expected, got in faults:
            schema.violate(
                "",
                None,
                f"{table.path}:{column}",
                expected=expected,
                found=got,
                message="the column is not the schema's",
            )
        schema.agree(len(table.columns) - min(len(faults), len(table.columns)))
        frame = data.table(table)
        if frame is None:
            continue
        _check_values(schema, table, frame)
        _check_keys(keys, table, frame, known)
        _check_after_end(order, table, frame, deaths, ends)
    _check_treatment_order(order, data)
    return results([schema, keys, order])


def _check_values(tally: Tally, table: schemas.Table, frame: pd.DataFrame) -> None:
    for column in table.columns:
        values = frame[column.name]
        allowed = ENUMERATIONS.get((table.name, column.name))
        bad = np.zeros(len(frame), bool)
        if not column.nullable:
            bad |= values.isna().to_numpy()
        if allowed is not None:
            bad |= (values.notna() & ~values.isin(allowed)).to_numpy()
        tally.agree(int(len(frame) - bad.sum()))
        for i in np.nonzero(bad)[0].tolist():
            tally.violate(
                *_row(frame, i),
                f"{table.path}:{i}:{column.name}",
                expected=" or ".join(allowed) if allowed else "a value",
                found=values.iloc[i],
                message="the value is not allowed here",
            )


def _check_keys(tally: Tally, table: schemas.Table, frame: pd.DataFrame, known: set[str]) -> None:
    repeated = frame.duplicated(list(table.key)).to_numpy()
    stray = np.zeros(len(frame), bool)
    if "patient_id" in frame.columns:
        stray = (~frame["patient_id"].isin(known)).to_numpy()
    tally.agree(int((~(repeated | stray)).sum()))
    for i in np.nonzero(repeated | stray)[0].tolist():
        what = "the key is repeated" if repeated[i] else "the patient is not in tables/patients"
        key = ", ".join(str(frame[name].iloc[i]) for name in table.key)
        tally.violate(
            *_row(frame, i),
            f"{table.path}:{i}",
            expected="a unique key of the cohort",
            found=key,
            message=what,
        )


def _check_after_end(
    tally: Tally,
    table: schemas.Table,
    frame: pd.DataFrame,
    deaths: dict[str, float],
    ends: dict[str, float],
) -> None:
    if not {"patient_id", "day"} <= set(frame.columns):
        return
    late = frame["day"].to_numpy(float) > mapped(frame["patient_id"], ends)
    tally.agree(int((~late).sum()))
    for i in np.nonzero(late)[0].tolist():
        patient, day = _row(frame, i)
        end = "death" if patient in deaths else "the end of follow-up"
        tally.violate(
            patient,
            day,
            f"{table.path}:{i}",
            expected=f"nothing after {end} on day {ends[patient]:g}",
            found=f"day {day}",
            message=f"dated after {end}",
        )


def _check_treatment_order(tally: Tally, data: Dataset) -> None:
    frame = data.table(schemas.TREATMENTS)
    if frame is None:
        return
    rows = frame.assign(patient=frame["patient_id"].astype(object))
    rows = rows.sort_values(["patient", "line", "start_day"])
    by_patient = rows.groupby("patient")
    previous, following = (by_patient[["start_day", "stop_day"]].shift(k) for k in (1, -1))
    start, stop = rows["start_day"].to_numpy(float), rows["stop_day"].to_numpy(float)
    wrong = (stop < start) | (start <= previous["start_day"].to_numpy(float))
    wrong |= start < previous["stop_day"].to_numpy(float)
    wrong |= np.isnan(stop) & following["start_day"].notna().to_numpy()
    tally.agree(int((~wrong).sum()))
    for i in np.nonzero(wrong)[0].tolist():
        row: Any = rows.iloc[i]
        tally.violate(
            row["patient"],
            int(row["start_day"]),
            f"tables/treatments.parquet:line {row['line']}",
            expected="treatments one after the other, each stopped after its start",
            found=f"day {start[i]:g} to {stop[i]:g}",
            message="treatments overlap, run backwards or never stop before the next",
        )


def _row(frame: pd.DataFrame, i: int) -> tuple[str, int | None]:
    patient = str(frame["patient_id"].iloc[i]) if "patient_id" in frame.columns else ""
    day = int(frame["day"].iloc[i]) if "day" in frame.columns else None
    return patient, day
