"""ClinicPlan: what the oncology clinic note of one visit may say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from alignment import identifiers, schemas
from alignment.canonical import canonical_json, sha256_of
from alignment.lexicon import Lexicon, change_of
from alignment.record import READER, Record

Trend = Literal["rising", "falling", "stable"]
Step = Literal[
    "local", "start", "continue", "reduce", "hold", "defer", "stop", "supportive", "off_treatment",
]  # fmt: skip
"""What the visit decides: local treatment; the first dose of a line; the next one, in full, at a
lower dose than the last, omitted, or not given that day; the end of a line; supportive care; no
treatment before one begins or since one ended."""

KIND = "clinic_note"
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


def is_local(row: Mapping[str, Any]) -> bool:
    """Whether a row of tables/treatments is to cure, without drugs: local treatment."""
    return row["intent"] == "curative" and not row["rxnorm"]


@dataclass(frozen=True, slots=True)
class Treatment:
    """A line of therapy so far; ``stop`` is None where it had not been stopped by the visit.

    ``drugs``: names of the regimen's; ``given``: those of the last dose given or due; ``cycles``:
    infusions given so far, None for drugs taken daily; ``induction``: those before the drugs
    changed, None while they had not.
    """

    line: int
    intent: str
    regimen: str
    rxnorm: str
    start: dt.date
    stop: dt.date | None
    stop_reason: str | None
    drugs: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    cycles: int | None = None
    induction: int | None = None

    @property
    def local(self) -> bool:
        """Surgery or radiotherapy alone."""
        return is_local({"intent": self.intent, "rxnorm": self.rxnorm})

    @property
    def supportive(self) -> bool:
        """Best supportive care."""
        return self.intent == "supportive"


@dataclass(frozen=True, slots=True)
class DoseToday:
    """What was given at the visit: share of the full dose, 0 where omitted, and of which drugs."""

    cycle: int
    drugs: tuple[str, ...]
    relative_dose: float
    action: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Toxicity:
    """An adverse event of the current line: CTCAE grade at the visit (0: gone) and worst so far."""

    code: str
    name: str
    grade: int
    worst: int


@dataclass(frozen=True, slots=True)
class Symptom:
    """A symptom at the visit that is not told as toxicity, graded by the patient as in CTCAE."""

    code: str
    name: str
    grade: int


@dataclass(frozen=True, slots=True)
class Lab:
    """A value of the visit and the last one before it, as reported, in ``unit``."""

    loinc: str
    name: str
    value: float
    unit: str
    flag: str
    grade: int
    decimals: int = 1
    prior: float | None = None
    prior_date: dt.date | None = None
    trend: Trend | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """The latest RECIST assessment; ``sld_mm`` is the sum of target diameters."""

    date: dt.date
    response: str
    new_lesion: bool
    sld_mm: int


@dataclass(frozen=True)
class ClinicPlan:
    """One clinic visit: facts of that day and before. The same plan always gives the same note.

    ``age``: on the day; ``stage`` and ``histology``: at diagnosis.
    """

    seed: int
    model: str
    patient_id: str
    day: int
    date: dt.date
    age: int
    sex: str
    smoking_status: str
    pack_years: float
    histology: str
    stage: str
    pdl1_tps: int
    drivers: tuple[str, ...]  # gene and change, EGFR p.Leu858Arg; empty without genomics
    recurrence: dt.date | None
    recurrence_scan: dt.date | None  # the scan that showed it
    treatments: tuple[Treatment, ...]
    dose: DoseToday | None
    toxicities: tuple[Toxicity, ...]
    symptoms: tuple[Symptom, ...]
    ecog: int | None
    weight_kg: float | None
    weight_index_kg: float
    labs: tuple[Lab, ...]
    assessment: Assessment | None
    step: Step

    @property
    def patient_index(self) -> int:
        """The number that keys the patient's noise."""
        return identifiers.patient_index(self.patient_id)

    @property
    def current(self) -> Treatment | None:
        """The line begun last."""
        return self.treatments[-1] if self.treatments else None

    @cached_property
    def json(self) -> str:
        """Canonical JSON."""
        return canonical_json(self)

    @cached_property
    def digest(self) -> str:
        """sha256 of ``json``."""
        return sha256_of(self.json)


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
