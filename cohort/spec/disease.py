"""The tumour over time: visits, scans, lesions, spread, response and death."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from alignment.run import Wanted
from cohort.numbers import Number, Numbers, Strict
from cohort.spec.base import Variable


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

    ``when``: what must hold besides, at index. ``side_of``: ``nodal`` is the side of the primary up
    to N2 and the other one in N3.

    ``present``, ``recurrent``: the boolean variable that says so at index and at recurrence after
    local therapy; or ``always``, ``never``.
    """

    site: str
    present: str
    recurrent: str
    target: bool
    weight: Number | None = None  # relative size among targets
    minimum: Number | None = None  # smallest diameter at baseline
    size: Number | None = None  # typical diameter of a non-target; default: ``small_nodule``
    measurable: bool = True
    side_of: Literal[
        "primary", "same_side", "other_side", "nodal", "random", "right", "midline", "none"
    ] = "none"
    when: dict[str, Wanted] = Field(default_factory=dict)


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


class TumourFraction(Variable):
    """Circulating tumour DNA at a scan; ``limit``: below it nothing is detected."""

    kind: Literal["tumour_fraction"]
    median: Number
    sd_log: Number
    most: Number
    limit: Number
