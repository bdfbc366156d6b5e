"""The disease file as data: every number with unit, source and status.

A disease is Turtle (which variables there are and what causes what) and one YAML file of this
shape (how much). ``compiler`` holds the two against each other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from cohort.conditions import Wanted
from cohort.numbers import Effect, Number, Numbers, Strict, numbers_of
from ontology.evidence import Parameter


class Variable(Strict):
    """Common to all kinds."""

    label: str
    effects: tuple[Effect, ...] = ()

    def numbers(self) -> Iterator[tuple[str, Parameter]]:
        """Every number of the variable, named as in ``explain`` and in the second entry."""
        for name in type(self).model_fields:
            yield from numbers_of(name, getattr(self, name))


class Histogram(Variable):
    """Piecewise uniform: ``edges`` and one count a bin."""

    kind: Literal["histogram"]
    edges: tuple[float, ...]
    counts: Numbers
    decimals: int = 0


class Bernoulli(Variable):
    """``logit P = logit(base) + effects``; ``base`` may depend on the levels of one or two
    parents (``by``), nested in this order."""

    kind: Literal["bernoulli"]
    base: Number | Numbers
    by: tuple[str, ...] = ()


class Categorical(Variable):
    """Multinomial logit around ``base``; ``by``: parents whose levels index ``base``."""

    kind: Literal["categorical"]
    levels: tuple[str, ...]
    base: Numbers
    by: tuple[str, ...] = ()


class Allele(Variable):
    """Which allele a mutated gene has: ``none`` where ``gene`` is false, else by ``base``, with
    effects toward a level as in a multinomial logit. The first level is ``none``."""

    kind: Literal["allele"]
    gene: str
    levels: tuple[str, ...]
    base: Numbers


class AlleleFraction(Variable):
    """Fraction of the reads that show the allele (``cohort.mechanisms.genes.AlleleFraction``).

    ``clonal``: share of carriers in whom every tumour cell has it; in the others a share of the
    cells between ``subclone`` and 1 has. NaN where ``allele`` is ``none``.
    """

    kind: Literal["allele_fraction"]
    allele: str
    purity: str
    clonal: Number
    subclone: Number
    sd_log: Number
    range: tuple[float, float]
    decimals: int


class Normal(Variable):
    """``base + effects + sd z``, truncated to ``range``; then, with shape ``box_cox`` = l,
    ``(exp(l x) - 1) / l``."""

    kind: Literal["normal"]
    base: Number
    sd: Number
    range: tuple[float, float]
    decimals: int | None = 1
    box_cox: Number | None = None


class LogNormal(Variable):
    """``median x effects x exp(sd_log z)``, truncated to ``range``.

    ``zero_when``: zero for patients at that level of a parent. ``least``: the lower bound is also
    at least the parent's value times the number.
    """

    kind: Literal["lognormal"]
    median: Number
    sd_log: Number
    range: tuple[float, float]
    decimals: int | None = None
    zero_when: dict[str, str] = Field(default_factory=dict)
    least: dict[str, Number] = Field(default_factory=dict)


class Beta(Variable):
    """Mean and concentration (alpha + beta)."""

    kind: Literal["beta"]
    mean: Number
    concentration: Number


class Count(Variable):
    """Poisson of mean ``exp(ln(mean) + effects)``, truncated to 0 .. ``maximum``."""

    kind: Literal["count"]
    mean: Number
    maximum: int


class Tally(Variable):
    """``base`` plus the number of parents that hold."""

    kind: Literal["tally"]
    base: int
    parents: tuple[str, ...]


class Member(Variable):
    """True where the parent's level, items joined by ``+``, holds ``item``."""

    kind: Literal["member"]
    parent: str
    item: str


class Lookup(Variable):
    """A definition: the level of the parent decides."""

    kind: Literal["lookup"]
    parent: str
    table: dict[str, str | bool | float]
    why: str


class Within(Variable):
    """A number inside the interval of the parent's level, ``low + (high - low) u^shape``."""

    kind: Literal["within"]
    parent: str
    intervals: dict[str, tuple[float, float]]
    shape: Numbers
    decimals: int = 0


class Setting(Variable):
    """A choice of the run, the same for every patient until ``do`` says otherwise."""

    kind: Literal["setting"]
    value: bool


class Case(Strict):
    """First case whose conditions all hold decides."""

    when: dict[str, Wanted] = Field(default_factory=dict)
    value: str | bool


class Cases(Variable):
    """A definition over several parents, by first match; the last case has no condition."""

    kind: Literal["cases"]
    cases: tuple[Case, ...]
    why: str


class Primary(Variable):
    """Long axis of the primary: its share of the sum of target diameters."""

    kind: Literal["primary"]
    sum: str
    share_sd: Number


class TCategory(Variable):
    """T by size, raised by invasion.

    ``sizes``: largest diameter of each category, in order. ``invasion``: probability that invasion
    alone makes the category at least that, whatever the size.
    """

    kind: Literal["t_category"]
    size: str
    sizes: Numbers
    invasion: Numbers


class Recurrence(Variable):
    """Day of recurrence after local therapy; infinite where cured, 0 without local therapy.

    ``cured`` is the probability of never recurring by the level of ``by``; ``effects`` act on its
    logit. Times are log-normal.
    """

    kind: Literal["recurrence"]
    by: str
    local: str
    cured: Numbers
    median: Numbers
    sd_log: Number
    earliest: Number


class OtherDeath(Variable):
    """Day of death from other causes: Gompertz hazard, ``rate`` a year at ``reference_age``."""

    kind: Literal["other_death"]
    rate: Number
    slope: Number
    reference_age: float


class VisitDay(Variable):
    """Day of the visit: day 0, then steps of ``step_days`` with a delay of 0, 1, ... days.

    After local therapy the second visit is at recurrence, day ``start``.
    """

    kind: Literal["visit_day"]
    delay: Numbers
    start: str
    local: str


class ScanDay(Variable):
    """Scans at ``weeks`` from the start of a line, then ``every`` so many; one before treatment."""

    kind: Literal["scan_day"]
    weeks: Numbers
    every: Number
    window: Number
    screening: Number
    missed: str | None = None


class BrainScan(Variable):
    """Whether the brain is imaged at a scan: known metastases, symptoms, protocol at baseline."""

    kind: Literal["brain_scan"]
    known: str
    recurrent: str
    protocol: Number
    symptomatic: Number


class TumourBurden(Variable):
    """Latent sum of target diameters on the visit day (TGI in closed form)."""

    kind: Literal["tumour_burden"]


class Lesion(Strict):
    """One lesion that a patient may have when advanced disease begins.

    ``present``, ``recurrent``: the boolean variable that says so at index and at recurrence after
    local therapy; or ``always``, ``never``.
    """

    site: str
    present: str
    recurrent: str
    target: bool
    weight: Number | None = None  # relative size among targets
    minimum: Number | None = None  # smallest diameter at baseline
    measurable: bool = True
    side_of: Literal["primary", "same_side", "random", "right", "midline", "none"] = "none"


class Lesions(Variable):
    """Lesion sizes on the scan day; they share the patient's curve (see ``tumour``)."""

    kind: Literal["lesions"]
    lesions: tuple[Lesion, ...]
    new_size: Number
    weight_sd: Number
    drift_sd: Number
    axis_ratio: Number
    axis_ratio_sd: Number
    small_nodule: Number
    gone_below: Number
    largest: Number


class Measurement(Variable):
    """What a reader writes down: latent plus error, whole mm; ``too_small`` where it is there but
    below that."""

    kind: Literal["measurement"]
    assessor: Literal["investigator", "central"]
    sd_mm: Number
    sd_share: Number
    too_small: Number


class FollowUp(Variable):
    """Whether the patient is still seen: ongoing, dead, censored or off_treatment."""

    kind: Literal["follow_up"]
    accrual: str  # variable: days from index to the data cutoff


class Hazard(Variable):
    """An event between two scans: ``rate`` per week times the effects (log link)."""

    kind: Literal["hazard"]
    rate: Number


class Spread(Variable):
    """A new metastasis between two scans, ``rate`` per week times the effects, and its site."""

    kind: Literal["spread"]
    rate: Number
    sites: Numbers


class NewLesion(Variable):
    """Whether a scan shows a new lesion: one in the brain only where the brain is imaged."""

    kind: Literal["new_lesion"]


class Recist(Variable):
    """RECIST 1.1 overall response from one reader's measurements."""

    kind: Literal["recist"]
    assessor: Literal["investigator", "central"]
    partial: Number
    progression: Number
    progression_mm: Number
    node_normal: Number


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


class Survival(Variable):
    """Day of death: log-normal time from the start of each line, given the TGI of that line."""

    kind: Literal["survival"]
    intercept: Number
    growth: Number
    growth_half: Number
    regrowth: Number
    regrowth_reference: Number
    nlr: Number
    nlr_reference: Number
    log_sigma: Number
    shift: Number


class Acquired(Variable):
    """A resistance that some tumours show after progression on one of ``regimens``.

    It concerns patients with a true ``where`` and no allele ``without`` before treatment.
    """

    kind: Literal["acquired"]
    regimens: tuple[str, ...]
    where: str
    without: str
    probability: Number


class Lab(Variable):
    """A laboratory analyte as a mean-reverting process on the log scale.

    Without ``regimen`` treatment acts through the parents only; ``sum_of``: see ``labs.Lab``.
    """

    kind: Literal["lab"]
    median: Number
    between_sd: Number | None = None
    within_cv: Number
    analytical_cv: Number
    persistence: Number
    response_time: Number | None = None
    regimen: Numbers | None = None
    panel: Literal["haematology", "chemistry", "markers", "thyroid"] = "chemistry"
    sum_of: tuple[str, ...] = ()
    range: tuple[float, float]
    decimals: int


class Earliest(Variable):
    """The earliest of several days."""

    kind: Literal["earliest"]
    days: tuple[str, ...]


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
    """Whether the investigator reports an event, by event (or ``other``) and grade."""

    kind: Literal["reporting"]
    probability: Numbers


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


class Performance(Variable):
    """ECOG performance status over time; ``start``: the variable with that at index."""

    kind: Literal["performance"]
    start: str
    sd: Number
    persistence: Number


class Weight(Variable):
    """Body weight over time; ``start``: the variable with that at index. ``early_loss``: what is
    lost, on the log scale, over the first ``over_days`` of illness."""

    kind: Literal["weight"]
    start: str
    early_loss: Number
    over_days: Number
    sd: Number
    persistence: Number
    range: tuple[float, float]


class Vital(Variable):
    """A vital sign at a visit."""

    kind: Literal["vital"]
    mean: Number
    between_sd: Number
    within_sd: Number
    range: tuple[float, float]
    decimals: int


class Symptom(Variable):
    """A symptom at a visit, by grade; ``stays``: what presence before adds to the logit."""

    kind: Literal["symptom"]
    base: Number
    stays: Number
    grades: Numbers


class TumourFraction(Variable):
    """Circulating tumour DNA at a scan; ``limit``: below it nothing is detected."""

    kind: Literal["tumour_fraction"]
    median: Number
    sd_log: Number
    most: Number
    limit: Number


class Missing(Variable):
    """Whether something is not recorded at a visit, and by which mechanism.

    Rates are probabilities at the reference of their effects; ``mar_effects`` may only read what is
    on record, ``mnar_effects`` read what is not.
    """

    kind: Literal["missing"]
    mcar: Number
    mar: Number
    mnar: Number
    mar_effects: tuple[Effect, ...] = ()
    mnar_effects: tuple[Effect, ...] = ()


class Lost(Variable):
    """Loss to follow-up after a visit; what happens then is true and not on record. Hazard ``rate`` a week; ``withdrawal``: share that withdraw."""

    kind: Literal["lost"]
    rate: Number
    withdrawal: Number


AnyVariable = Annotated[
    Histogram
    | Bernoulli
    | Categorical
    | Allele
    | AlleleFraction
    | Normal
    | LogNormal
    | Beta
    | Count
    | Tally
    | Member
    | Lookup
    | Setting
    | Cases
    | Within
    | Primary
    | TCategory
    | Recurrence
    | OtherDeath
    | VisitDay
    | ScanDay
    | BrainScan
    | TumourBurden
    | Lesions
    | Measurement
    | FollowUp
    | Hazard
    | Spread
    | NewLesion
    | Recist
    | Line
    | Policy
    | Rate
    | Survival
    | Lab
    | Acquired
    | Earliest
    | Marrow
    | Dose
    | DoseDelay
    | AdverseEvent
    | GradedEvent
    | FebrileNeutropenia
    | Reporting
    | DoseLimiting
    | ToxicityStop
    | Performance
    | Weight
    | Vital
    | Symptom
    | TumourFraction
    | Missing
    | Lost,
    Field(discriminator="kind"),
]


class Source(Strict):
    """One citation."""

    cite: str
    id: str | None = None  # DOI, PMID or PMC id


class DiseaseFile(Strict):
    """``configs/diseases/NAME.yaml``."""

    disease: str
    step_days: int = Field(ge=1)
    study_id: str
    time_zero: str
    data_cutoff: dt.date
    sources: dict[str, Source]
    variables: dict[str, AnyVariable]
