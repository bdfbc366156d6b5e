"""Lines of therapy, doses and what they do: regimens, rates, marrow, adverse events."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from alignment.run import Wanted
from cohort.numbers import Number, Numbers, Strict
from cohort.spec.base import Variable


class Line(Variable):
    """Line of therapy; a next line follows progression with a probability (logit effects).

    ``later_lines``: the setting that allows any line after the first.
    """

    kind: Literal["line"]
    maximum: int = Field(ge=1, le=9)
    next_line: Number
    local: str
    later_lines: str


class Rule(Strict):
    """First rule whose conditions all hold decides."""

    when: dict[str, Wanted] = Field(default_factory=dict)
    regimen: str


class Policy(Variable):
    """Regimen at the start of a line."""

    kind: Literal["policy"]
    regimens: tuple[str, ...]
    rules: tuple[Rule, ...]


class Rate(Variable):
    """A TGI rate, drawn at the start of a line: regimen's typical value x effects x exp(eta)."""

    kind: Literal["tgi_rate"]
    typical: dict[str, Number]
    eta: str
    active: tuple[str, ...] | None = None  # regimens on which the effects act; None: all


class Acquired(Variable):
    """A resistance that some tumours show after progression on one of ``regimens``.

    It concerns patients with a true ``where`` and no allele ``without`` before treatment.
    """

    kind: Literal["acquired"]
    regimens: tuple[str, ...]
    where: str
    without: str
    probability: Number


class Marrow(Variable):
    """Neutrophils under myelosuppressive drugs (Friberg-type model, see ``marrow``).

    ``exposure``: by regimen, exposure at full dose as a share of docetaxel's; ``maintenance``: the
    same after ``induction_cycles`` doses of a line, where it differs.
    """

    kind: Literal["marrow"]
    feedback: Number
    prior_therapy: Number
    dose: Number
    molar_mass: Number
    infusion: Number
    rates: Numbers
    exposure: Numbers
    maintenance: Numbers
    induction_cycles: Numbers


class Dose(Variable):
    """Relative dose at a visit.

    ``planned``: cycles by regimen, without limit where absent; ``by_count``: regimens for which
    blood counts decide; ``reducible``: whose dose is lowered, others are withheld; ``not_dosed``:
    regimens without doses; ``missed``: the variable of missed visits.
    """

    kind: Literal["dose"]
    planned: Numbers
    levels: Numbers
    omit_neutrophils: Number
    by_count: tuple[str, ...]
    reducible: tuple[str, ...]
    not_dosed: tuple[str, ...] = ()
    missed: str | None = None


class DoseDelay(Variable):
    """Delay of the dose for low counts, days."""

    kind: Literal["dose_delay"]
    days: Number
    neutrophils: Number
    platelets: Number
    by_count: tuple[str, ...]


class AdverseEvent(Variable):
    """An event of a line: chance by regimen, shares of grades 1 to 4, onset and duration."""

    kind: Literal["adverse_event"]
    incidence: Numbers
    grades: Numbers
    onset: Number
    onset_sd: Number
    duration: Number


class GradedEvent(Variable):
    """An event read from a value: ``bounds`` by grade, or by a parent's level and grade."""

    kind: Literal["graded_event"]
    value: str
    bounds: Numbers
    by: str | None = None
    rising: bool = False
    dip: Numbers | None = None


class FebrileNeutropenia(Variable):
    """Hazard a day below 0.5 10*9/L; ``grade_4``: share of grade 4, the others are grade 3."""

    kind: Literal["febrile_neutropenia"]
    hazard: Number
    grade_4: Number


class Reporting(Variable):
    """Whether the investigator reports an event, by event (or ``other``) and grade.

    ``window``: for how long after the end of treatment adverse events are collected.
    """

    kind: Literal["reporting"]
    probability: Numbers
    window: Number


class DoseLimiting(Variable):
    """Toxicity that lowers or withholds the next dose; ``events``: least grade by event."""

    kind: Literal["dose_limiting"]
    low_days: Number
    events: dict[str, int]


class ToxicityStop(Variable):
    """Treatment ends for toxicity; ``ending``: least grade by event."""

    kind: Literal["toxicity_stop"]
    reductions: Number
    ending: dict[str, int]
