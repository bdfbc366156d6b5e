"""A patient at index: what is drawn once, and definitions over it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from alignment.run import Wanted
from cohort.numbers import Number, Numbers, Strict
from cohort.spec.base import Variable


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


class Earliest(Variable):
    """The earliest of several days."""

    kind: Literal["earliest"]
    days: tuple[str, ...]
