"""Regimens, their drugs, targets, intents and ends; doses."""

from __future__ import annotations

import numpy as np
import pandas as pd

from alignment import schemas
from eval.checks.ends import death_days
from eval.checks.rows import compare_rows, plain
from eval.dataset import Dataset, strings
from eval.readers.vcf import Genotypes
from eval.reference import (
    CHECKPOINT_INHIBITORS,
    CURATIVE,
    DRUGS,
    NEEDS,
    NO_DRUG,
    PEMETREXED,
    PLATINUM,
    short_protein,
)
from eval.result import CheckResult, Tally, results

WHERE = schemas.TREATMENTS.path
LASTING = {*CHECKPOINT_INHIBITORS, PEMETREXED}
"""Given on after the platinum has ended: the antibody, and pemetrexed as maintenance."""
PLATINUM_CYCLES, RADIATED_CYCLES = 4, 2
"""Cycles with platinum where something lasts: four in KEYNOTE-189 (NEJM 2018;378:2078) and
KEYNOTE-407 (NEJM 2018;379:2040); two or more with radiotherapy before durvalumab in PACIFIC (NEJM
2017;377:1919), of which two are the project's. From memory of the designs."""
Targets = dict[str, dict[str, int]]
"""By patient: what the specimens carry, and the day of the first that does."""


def check_treatments(data: Dataset, genotypes: Genotypes | None) -> list[CheckResult]:
    """Known drugs; targeted drugs only with their target in the VCF; intents and ends."""
    codes = Tally("drugs", "regimens are made of known drugs")
    indicated = Tally("indication", "targeted drugs have their target, pemetrexed its histology")
    course = Tally("treatment_course", "lines, intents and ends of treatment fit each other")
    treatments, patients = data.table(schemas.TREATMENTS), data.table(schemas.PATIENTS)
    if treatments is None or patients is None:
        return results([codes, indicated, course])
    histology = dict(zip(patients["patient_id"], strings(patients["histology"]), strict=True))
    targets = None if genotypes is None else _targets(genotypes)
    keys = ["patient_id", "line", "start_day", "rxnorm", "regimen"]
    for patient, line, start, rxnorm, regimen in treatments[keys].itertuples(index=False):
        where = f"{WHERE}:line {line}"
        drugs = str(rxnorm).split("+") if rxnorm else []
        unknown = [code for code in drugs if code not in DRUGS]
        none = regimen in NO_DRUG
        codes.compare(
            not unknown and bool(drugs) != none,
            patient,
            int(start),
            where,
            expected="no drug" if none else "known RxNorm codes",
            found=rxnorm,
            message=f"'{regimen}' has other drugs than it should",
        )
        for code in drugs:
            _indication(
                indicated, patient, int(start), where, code, histology.get(patient, ""), targets
            )
    _check_course(course, plain(treatments), data)
    return results([codes, indicated, course])


def _indication(
    tally: Tally,
    patient: str,
    day: int,
    where: str,
    code: str,
    histology: str,
    targets: Targets | None,
) -> None:
    if code == PEMETREXED:
        tally.compare(
            histology != "squamous",
            patient,
            day,
            where,
            expected="non-squamous histology",
            found=histology,
            message="pemetrexed in squamous histology",
        )
    if code not in NEEDS:
        return
    if targets is None:
        tally.skip("no VCF to look the target up in")
        return
    needed = NEEDS[code]
    found = targets.get(patient, {})
    tally.compare(
        any(found.get(target, day + 1) <= day for target in needed),
        patient,
        day,
        where,
        expected=" or ".join(needed),
        found=", ".join(sorted(found)) or "no driver",
        message=f"{DRUGS[code]} without its target in the VCF by then",
    )


def _targets(genotypes: Genotypes) -> Targets:
    found: Targets = {}
    for call in genotypes.calls:
        carried = found.setdefault(call.patient_id, {})
        for name in (call.gene, f"{call.gene} {short_protein(call.hgvs_p)}"):
            carried[name] = min(call.day, carried.get(name, call.day))
    return found


def _check_course(tally: Tally, rows: pd.DataFrame, data: Dataset) -> None:
    rows = rows.sort_values(["patient_id", "line", "start_day"], ignore_index=True)
    line, stop = rows["line"].to_numpy(int), rows["stop_day"].to_numpy(float)
    reason, intent = rows["stop_reason"], rows["intent"]
    expected = [_intents(regimen, n) for regimen, n in zip(rows["regimen"], line, strict=True)]
    compare_rows(
        tally,
        rows,
        [i in e for i, e in zip(intent, expected, strict=True)],
        WHERE,
        expected=[" or ".join(e) for e in expected],
        found=intent,
        message="the intent is not that of the regimen and line",
    )
    before = rows.groupby("patient_id")["line"].shift().fillna(0).to_numpy(int)
    compare_rows(
        tally,
        rows,
        (line - before <= 1) & (line >= 0),
        WHERE,
        expected=before + 1,
        found=line,
        message="a line of treatment is left out",
    )
    compare_rows(
        tally,
        rows,
        (reason == "ongoing").to_numpy() == np.isnan(stop),
        WHERE,
        expected=np.where(np.isnan(stop), "ongoing", "a reason to stop"),
        found=reason,
        message="stopped without a reason, or a reason without a stop",
    )
    death = rows["patient_id"].map(death_days(data)).astype(float)
    compare_rows(
        tally,
        rows,
        (reason != "death") | (stop == death),
        WHERE,
        expected=death,
        found=stop,
        message="stopped by death on another day",
    )
    _check_progression(tally, rows[(reason == "progression").to_numpy()], data)


def _intents(regimen: str, line: int) -> tuple[str, ...]:
    """What a regimen may be meant for: first-line disease, line 0 is before it."""
    if regimen == "best_supportive_care":
        return ("supportive",)
    if regimen.startswith(CURATIVE):
        return ("curative",)
    return ("adjuvant",) if line == 0 else ("palliative", "consolidation")


def _check_progression(tally: Tally, rows: pd.DataFrame, data: Dataset) -> None:
    """Treatment stopped for progression has one in its time."""
    events = data.table(schemas.EVENTS)
    if events is None:
        return
    seen = plain(events)
    seen = seen[seen["category"].isin(["progression", "recurrence"])][["patient_id", "day"]]
    rows = rows.reset_index(drop=True).rename_axis("row").reset_index()
    pairs = rows.merge(seen, on="patient_id")
    within = (pairs["day"] > pairs["start_day"]) & (pairs["day"] <= pairs["stop_day"])
    compare_rows(
        tally,
        rows,
        rows["row"].isin(pairs["row"][within]),
        WHERE,
        expected="a progression between start and stop",
        found="none",
        message="stopped for progression without one",
    )


def _of_cycle(dose: str, line: str, cycle: int, regimen: str) -> bool:
    """Whether a line gives these drugs in this cycle."""
    given, whole = set(dose.split("+")), set(line.split("+"))
    if not dose or not given <= whole:
        return False
    last = RADIATED_CYCLES if regimen.startswith("chemoradiation") else PLATINUM_CYCLES
    return cycle <= last or not given & PLATINUM or not whole & LASTING


def check_doses(data: Dataset) -> CheckResult:
    """Doses lie within their treatment; action, share and delay agree; cycles rise."""
    tally = Tally("doses", "doses lie within their treatment and say what was done")
    doses, treatments = data.table(schemas.DOSES), data.table(schemas.TREATMENTS)
    if doses is None or treatments is None:
        tally.skip("no table of doses")
        return tally.result()
    rows = plain(doses).sort_values(["patient_id", "day"], ignore_index=True)
    rows = rows.astype({"line": "int64"})
    given = plain(treatments)[["patient_id", "line", "regimen", "start_day", "stop_day", "rxnorm"]]
    given = given.rename(columns={"rxnorm": "line_rxnorm"})
    given = given.astype({"line": "int64"})
    pairs = rows.rename_axis("row").reset_index().merge(given, on=["patient_id", "line", "regimen"])
    stop = pairs["stop_day"].fillna(np.inf)
    within = (pairs["day"] >= pairs["start_day"]) & (pairs["day"] <= stop)
    compare_rows(
        tally,
        rows,
        np.isin(np.arange(len(rows)), pairs["row"][within]),
        schemas.DOSES.path,
        expected="a day between start and stop of the regimen",
        found=rows["regimen"],
        message="a dose outside its treatment",
    )
    _check_drugs(tally, rows, pairs)
    share, action = rows["relative_dose"].to_numpy(float), rows["action"]
    holds = (action == "omitted").to_numpy() == (share == 0)
    holds &= ~(action == "reduced").to_numpy() | (share < 1)
    holds &= ~(action == "delayed").to_numpy() | (rows["delay_days"] > 0).to_numpy()
    compare_rows(
        tally,
        rows,
        holds & (share >= 0),
        schemas.DOSES.path,
        expected=action,
        found=[
            f"{s:g} of the dose, {d} d late" for s, d in zip(share, rows["delay_days"], strict=True)
        ],
        message="share or delay of the dose do not fit the action",
    )
    _check_cycles(tally, rows)
    return tally.result()


def _check_drugs(tally: Tally, rows: pd.DataFrame, pairs: pd.DataFrame) -> None:
    columns = pairs[["rxnorm", "line_rxnorm", "cycle", "regimen"]]
    fits = [_of_cycle(*row) for row in columns.itertuples(index=False)]
    compare_rows(
        tally,
        rows,
        np.isin(np.arange(len(rows)), pairs["row"][fits]),
        schemas.DOSES.path,
        expected="drugs of the regimen, no platinum after its cycles",
        found=rows["rxnorm"],
        message="drugs that the regimen does not give in this cycle",
    )


def _check_cycles(tally: Tally, rows: pd.DataFrame) -> None:
    lines = rows.groupby(["patient_id", "line"])
    before = lines["cycle"].shift().fillna(0)
    # A cycle that was omitted is the next one again.
    again = (lines["action"].shift() == "omitted").to_numpy() & (rows["cycle"] == before)
    compare_rows(
        tally,
        rows,
        (rows["cycle"] > before) | again,
        schemas.DOSES.path,
        expected=before + 1,
        found=rows["cycle"],
        message="cycles of a line do not rise",
    )
