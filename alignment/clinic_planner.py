"""From a record to clinic plans: on which days a note is written, and what it may say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from alignment import identifiers, schemas
from alignment.clinic import (
    Assessment,
    ClinicPlan,
    DoseToday,
    Lab,
    Step,
    Symptom,
    Toxicity,
    Treatment,
    Trend,
    is_local,
)
from alignment.lexicon import Lexicon, change_of
from alignment.record import READER, Record

CLINIC_VISITS = ("baseline", "cycle", "follow_up")
"""Visits at which a doctor sees the patient; scans and brain scans have reports of their own."""
STEADY_SHARE = 0.10
"""Assumption: a value within this share of the one before is called stable."""
RECURRENCE_D = 42
"""Assumption: a recurrence is recorded within this many days of the scan that shows it."""
REPORTED = (
    "haemoglobin", "neutrophils", "platelets", "creatinine", "alt", "albumin", "ldh", "cea",
)  # fmt: skip
"""Analytes that every note has where they were measured, in this order; others where abnormal by
CTCAE."""


def clinic_days(record: Record) -> tuple[int, ...]:
    """Days with a note: the first visit, starts of lines, the first visit from each scan on."""
    visits = record.of(schemas.VISITS)
    clinic = sorted({row["day"] for row in visits if row["kind"] in CLINIC_VISITS})
    starts = {row["start_day"] for row in record.of(schemas.TREATMENTS)}
    scans = {row["day"] for row in record.of(schemas.RESPONSES_TABLE) if row["assessor"] == READER}
    after = {next((day for day in clinic if day >= scan), None) for scan in scans}
    return tuple(day for day in clinic if day == clinic[0] or day in starts or day in after)


def plan_clinic(record: Record, day: int, lexicon: Lexicon, *, seed: int, model: str) -> ClinicPlan:
    """The plan of the visit on ``day``, from what the record held then.

    Raises ConsilienceError where a drug has no name.
    """
    known = record.until(day)
    person = known.person
    treatments = _treatments(known, lexicon)
    here = max(known.of(schemas.TREATMENTS), key=_order, default=None)
    dose = _dose(known, here, day, lexicon)
    toxicities = _toxicities(known, here, day)
    told = {toxicity.code for toxicity in toxicities if toxicity.grade}
    vitals = next((row for row in known.of(schemas.VITALS) if row["day"] == day), None)
    recurred = _recurred(known)
    return ClinicPlan(
        seed=seed,
        model=model,
        patient_id=person["patient_id"],
        day=day,
        date=known.date(day),
        age=identifiers.age_on(person["age"], day),
        sex=person["sex"],
        smoking_status=person["smoking_status"],
        pack_years=person["pack_years"],
        histology=person["histology"],
        stage=person["stage"],
        pdl1_tps=person["pdl1_tps"],
        drivers=tuple(drivers(known, lexicon)),
        recurrence=known.date(recurred[0]) if recurred else None,
        recurrence_scan=_scan_before(known, recurred[0]) if recurred else None,
        treatments=treatments,
        dose=dose,
        toxicities=toxicities,
        symptoms=tuple(
            Symptom(row["code"], row["name"], row["grade"])
            for row in known.of(schemas.SYMPTOMS)
            if row["day"] == day and row["code"] not in told
        ),
        ecog=_or_none(vitals, "ecog"),
        weight_kg=_or_none(vitals, "weight_kg"),
        weight_index_kg=person["weight_kg"],
        labs=_labs(known, day, lexicon),
        assessment=_assessment(known),
        step=_step(known, here, dose, day, lexicon),
    )


def drivers(known: Record, lexicon: Lexicon) -> list[str]:
    """Gene and protein change, consequence or fusion, of every driver found so far."""
    return [
        change_of(row["gene"], row["hgvs_c"], row["hgvs_p"], lexicon.consequences)
        for gene in lexicon.drivers
        for row in known.of(schemas.VARIANTS)
        if row["gene"] == gene
    ]


def _order(row: Mapping[str, Any]) -> tuple[int, int]:
    return row["line"], row["start_day"]


def _or_none(row: Mapping[str, Any] | None, name: str) -> Any:
    return None if row is None else row[name]


def _treatments(known: Record, lexicon: Lexicon) -> tuple[Treatment, ...]:
    rows = sorted(known.of(schemas.TREATMENTS), key=_order)
    return tuple(_treatment(known, row, lexicon) for row in rows)


def _treatment(known: Record, row: Mapping[str, Any], lexicon: Lexicon) -> Treatment:
    drugs = lexicon.names(row["rxnorm"])
    due = [r for r in known.of(schemas.DOSES) if _of(r, row)]
    doses = _doses(known, row, lexicon)
    first = doses[0]["rxnorm"] if doses else None
    changed = [dose["cycle"] for dose in doses if dose["rxnorm"] != first]
    stop = row["stop_day"]
    return Treatment(
        line=row["line"],
        intent=row["intent"],
        regimen=row["regimen"],
        rxnorm=row["rxnorm"],
        start=known.date(row["start_day"]),
        stop=None if stop is None else known.date(stop),
        stop_reason=None if stop is None else row["stop_reason"],
        drugs=drugs,
        given=lexicon.names(due[-1]["rxnorm"]) if due else drugs,
        cycles=max((dose["cycle"] for dose in doses), default=None),
        induction=changed[0] - 1 if changed else None,
    )


def _of(dose: Mapping[str, Any], line: Mapping[str, Any]) -> bool:
    return bool(dose["line"] == line["line"] and dose["regimen"] == line["regimen"])


def _doses(known: Record, here: Mapping[str, Any] | None, lexicon: Lexicon) -> list[dict[str, Any]]:
    """Doses of a line that were given, by day; none for drugs without cycles."""
    if here is None or lexicon.daily(here["rxnorm"]):
        return []
    rows = [r for r in known.of(schemas.DOSES) if _of(r, here) and r["relative_dose"] > 0]
    return sorted(rows, key=lambda row: row["day"])


def _dose(
    known: Record, here: Mapping[str, Any] | None, day: int, lexicon: Lexicon
) -> DoseToday | None:
    for row in known.of(schemas.DOSES):
        if here is not None and row["day"] == day and row["line"] == here["line"]:
            drugs = lexicon.names(row["rxnorm"])
            return DoseToday(
                row["cycle"], drugs, row["relative_dose"], row["action"], row["reason"]
            )
    return None


def _toxicities(known: Record, here: Mapping[str, Any] | None, day: int) -> tuple[Toxicity, ...]:
    """Of the current line, those of today first, then by worst grade."""
    if here is None:
        return ()
    rows = [
        row
        for row in known.of(schemas.TOXICITIES)
        if row["line"] == here["line"] and row["day"] > here["start_day"]
    ]
    found = []
    for code in dict.fromkeys(row["code"] for row in rows):
        of = [row for row in rows if row["code"] == code]
        now = next((row["grade"] for row in of if row["day"] == day), 0)
        found.append(Toxicity(code, of[0]["name"], now, max(row["grade"] for row in of)))
    return tuple(sorted(found, key=lambda t: (-t.grade, -t.worst, t.code)))


def _labs(known: Record, day: int, lexicon: Lexicon) -> tuple[Lab, ...]:
    rows = known.of(schemas.LABS)
    today = {row["name"]: row for row in rows if row["day"] == day}
    names = [name for name in REPORTED if name in today]
    names += [n for n, row in today.items() if row["ctcae_grade"] > 0 and n not in names]
    found = []
    for name in names:
        row = today[name]
        before = [r for r in rows if r["name"] == name and r["day"] < day]
        last = max(before, key=lambda r: r["day"], default=None)
        prior = None if last is None else last["value"]
        found.append(
            Lab(
                row["loinc"], name, row["value"], row["unit"], row["flag"], row["ctcae_grade"],
                lexicon.decimals[row["loinc"]], prior,
                None if last is None else known.date(last["day"]),
                trend_of(prior, row["value"]),
            )
        )  # fmt: skip
    return tuple(found)


def trend_of(prior: float | None, value: float) -> Trend | None:
    """How a value compares with the one before."""
    if prior is None:
        return None
    if abs(value - prior) <= STEADY_SHARE * abs(prior):
        return "stable"
    return "rising" if value > prior else "falling"


def _assessment(known: Record) -> Assessment | None:
    rows = [row for row in known.of(schemas.RESPONSES_TABLE) if row["assessor"] == READER]
    if not rows:
        return None
    row = max(rows, key=lambda r: r["day"])
    return Assessment(
        known.date(row["day"]), row["overall_response"], row["new_lesion"], round(row["sld_mm"])
    )


def _step(
    known: Record, here: Mapping[str, Any] | None, dose: DoseToday | None, day: int,
    lexicon: Lexicon,
) -> Step:  # fmt: skip
    if here is None:
        return "off_treatment"
    if here["intent"] == "supportive":
        return "supportive"
    if here["start_day"] == day:
        return "local" if is_local(here) else "start"
    if here["stop_day"] is not None:
        return "stop" if here["stop_day"] == day else "off_treatment"
    if dose is not None and dose.relative_dose == 0:
        return "hold"
    if dose is None:
        # adjuvant drugs have no row a cycle
        on = lexicon.daily(here["rxnorm"]) or here["line"] == 0
        return "continue" if on else "defer"
    before = [row["relative_dose"] for row in _doses(known, here, lexicon) if row["day"] < day]
    return "reduce" if before and dose.relative_dose < before[-1] else "continue"


def _scan_before(known: Record, day: int) -> dt.date | None:
    """The last scan of the weeks up to a recurrence: what it was seen on."""
    scans = [row["day"] for row in known.of(schemas.VISITS) if row["kind"] == "scan"]
    last = max((scan for scan in scans if scan <= day), default=None)
    return None if last is None or last < day - RECURRENCE_D else known.date(last)


def _recurred(known: Record) -> list[int]:
    """Days of recurrence after local treatment, so far."""
    return [r["day"] for r in known.of(schemas.EVENTS) if r["category"] == "recurrence"]
