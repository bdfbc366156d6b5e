"""What a value is the sum of, on the scale on which its equation adds up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.special import expit, logit

from cohort import spec
from cohort.checks import YES_NO
from cohort.explain import citation
from cohort.explain.neighbourhood import amount
from cohort.explain.trace import Evaluation, Trace
from cohort.mechanisms.baseline import truncated
from cohort.model import CausalModel
from cohort.numbers import Effect, Number, Numbers


@dataclass(frozen=True, slots=True)
class Part:
    """One term: what it is, how much it adds, and where its number comes from."""

    label: str
    amount: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class Sum:
    """``sum(parts)`` is the value on ``scale``.

    ``scale``: "" (own unit), "ln", "logit" (of ``probability``), "ln rate", "ln mean", or
    "effects", those of the predictor alone. ``total``: on "" and "ln" the value itself, before
    do(), else the sum. ``probability``: what ``uniform`` is held against.
    """

    scale: str
    parts: tuple[Part, ...]
    total: float
    probability: float | None = None
    uniform: float | None = None

    @property
    def rest(self) -> float:
        """What the parts leave over: rounding, bounds, or what the mechanism adds of its own."""
        return self.total - sum(part.amount for part in self.parts)


@dataclass(frozen=True, slots=True)
class Scale:
    """Of a kind of mechanism: its link, and the field with the value without effects."""

    link: str
    base: str


SCALES: Mapping[str, Scale] = {
    "normal": Scale("", "base"),
    "lognormal": Scale("ln", "median"),
    "lab": Scale("ln", "median"),
    "tgi_rate": Scale("ln", "typical"),
    "count": Scale("ln mean", "mean"),
    "bernoulli": Scale("logit", "base"),
    "hazard": Scale("ln rate", "rate"),
}
"""Kinds whose whole sum is known. All others show the terms of their predictor."""


def decompose(model: CausalModel, trace: Trace, evaluation: Evaluation) -> Sum | None:
    """The parts of one evaluation; None where nothing adds up (a table, a definition)."""
    variable = model.disease.variables[evaluation.variable]
    scale = SCALES.get(variable.kind)
    active = getattr(variable, "active", None)  # the regimens on which the effects act
    acting = active is None or _level(model, "regimen", evaluation) in active
    terms = tuple(
        Part(_term(e, model, evaluation), x * acting, _source(e.parameter(e.size), model))
        for e, x in evaluation.terms
    )
    base = _base(scale.base, variable, model, evaluation) if scale is not None else None
    if scale is None or base is None:
        if not terms:
            return None
        return Sum("effects", terms, sum(part.amount for part in terms))
    value, number = base
    of = "logit" if scale.link == "logit" else "ln" if scale.link else ""
    start = Part(f"{of} {scale.base} {value:g}".strip(), _link(of, value), _source(number, model))
    known = (start, *terms)
    linear = sum(part.amount for part in known)
    if scale.link == "logit":
        return Sum("logit", known, linear, float(expit(linear)), _uniform(evaluation))
    if scale.link == "ln rate":
        weeks = _weeks(evaluation)
        chance = float(-np.expm1(-np.exp(linear) * weeks)) if weeks is not None else None
        return Sum("ln rate", known, linear, chance, _uniform(evaluation))
    if scale.link == "ln mean":
        return Sum("ln mean", known, linear, None, _uniform(evaluation))
    total = _link(scale.link, float(evaluation.computed[0]))
    if isinstance(variable, spec.Normal) and variable.box_cox is not None:
        shape = variable.box_cox.value
        total = float(np.log1p(shape * evaluation.computed[0]) / shape)
    noise = _noise(variable, model, trace, evaluation, linear)
    return Sum(scale.link, (*known, *noise, *_added(variable, evaluation)), total)


def shares(model: CausalModel, evaluation: Evaluation) -> tuple[tuple[str, float], ...]:
    """(level, probability) of a categorical variable: softmax of ln base and terms."""
    variable = model.disease.variables[evaluation.variable]
    if not isinstance(variable, spec.Categorical):
        return ()
    table = variable.base.values
    if variable.by:
        levels = [_level(model, parent, evaluation) for parent in variable.by]
        table = cast("dict[str, float | dict[str, float]]", table["/".join(map(str, levels))])
    weights = [
        cast(float, table[level])
        * float(np.exp(sum(x for e, x in evaluation.terms if e.toward == level)))
        for level in variable.levels
    ]
    total = sum(weights)
    return tuple((k, w / total) for k, w in zip(variable.levels, weights, strict=True))


def _link(scale: str, value: float) -> float:
    if scale == "ln":
        return float(np.log(value)) if value > 0 else float("-inf")
    return float(logit(value)) if scale == "logit" else value


def _base(
    name: str, variable: spec.Variable, model: CausalModel, evaluation: Evaluation
) -> tuple[float, Number | Numbers] | None:
    """The value without effects: one number, or the entry at the level of the parent it is by."""
    number = getattr(variable, name, None)
    if isinstance(number, Number):
        return number.value, number
    if isinstance(number, dict):  # by the regimen at this visit
        level = _level(model, "regimen", evaluation)
        entry = number.get(level or "")
        return (entry.value, entry) if entry is not None else None
    by = getattr(variable, "by", None)
    if isinstance(number, Numbers) and isinstance(by, str):
        level = _level(model, by, evaluation)
        return (cast(float, number.values[level]), number) if level is not None else None
    return None


def _level(model: CausalModel, parent: str, evaluation: Evaluation) -> str | None:
    values = evaluation.parents.get((parent, 0))
    if values is None:
        return None
    if parent not in model.levels:
        return YES_NO[int(values[0])]
    return model.levels[parent][int(values[0])]


def _term(effect: Effect, model: CausalModel, evaluation: Evaluation) -> str:
    value = evaluation.parents[effect.parent, effect.lag][0]
    shown = (
        model.levels[effect.parent][int(value)] if effect.parent in model.levels else show(value)
    )
    at = " at the previous visit" if effect.lag else ""
    reference = f", from {effect.reference:g}" if effect.reference else ""
    return f"{effect.parent}{at} = {shown}: {amount(effect)}{reference}"


def show(value: object) -> str:
    """A parent's value, short."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    return f"{float(cast(float, value)):.5g}"


def _noise(
    variable: spec.Variable, model: CausalModel, trace: Trace, evaluation: Evaluation, mean: float
) -> tuple[Part, ...]:
    """What the draws, and what is remembered of earlier ones, add on the scale of the link."""
    name, remembered = evaluation.variable, {**evaluation.state, **evaluation.wrote}
    if isinstance(variable, (spec.Normal, spec.LogNormal)):
        return _truncated(variable, model, evaluation, mean)
    if isinstance(variable, spec.Rate) and (variable.eta, 0) in evaluation.parents:
        own = float(evaluation.parents[variable.eta, 0][0])
        return (Part(f"the patient's own deviation, {variable.eta}", own),)
    if not isinstance(variable, spec.Lab):
        return ()
    made = []
    for draw in trace[name, 0].noise:
        sd = variable.between_sd
        if draw.variable == f"{name}/person" and sd is not None:
            z = draw.normals[0]
            label = f"the person's own level: {sd.value:g} x z {z:.4g}"
            made.append(Part(label, sd.value * z, _source(sd, model)))
    made += [
        Part(label, float(remembered[f"{name}/{part}"][0]), _source(number, model))
        for part, label, number in (
            ("treatment", "what is reached of the regimen's shift", variable.regimen),
            ("deviation", "within-person deviation at this visit", variable.within_cv),
        )
        if f"{name}/{part}" in remembered and number is not None
    ]
    return tuple(made)


def _added(variable: spec.Variable, evaluation: Evaluation) -> tuple[Part, ...]:
    """What a sum gains on the log scale by the parts that are added to it."""
    if not isinstance(variable, spec.Lab) or not variable.sum_of:
        return ()
    found = [float(evaluation.parents[part, 0][0]) for part in variable.sum_of]
    value = float(evaluation.computed[0])
    label = " + ".join(f"{part} {x:.4g}" for part, x in zip(variable.sum_of, found, strict=True))
    return (Part(f"added: {label}", float(np.log(value / (value - sum(found)))), "definition"),)


def _truncated(
    variable: spec.Normal | spec.LogNormal, model: CausalModel, evaluation: Evaluation, mean: float
) -> tuple[Part, ...]:
    """``sd z`` with z cut so that the value stays in its range."""
    uniform = _uniform(evaluation)
    if uniform is None:
        return ()
    log = isinstance(variable, spec.LogNormal)
    number = variable.sd_log if isinstance(variable, spec.LogNormal) else variable.sd
    low, high = variable.range
    for parent, share in getattr(variable, "least", {}).items():
        low = max(low, share.value * float(evaluation.parents[parent, 0][0]))
    ends = [((np.log(x) if log else x) - mean) / number.value for x in (low, high)]
    z = float(truncated(np.array([uniform]), *(np.array([end]) for end in ends))[0])
    within = f", in {low:g} to {high:g}"
    return (Part(f"noise: {number.value:g} x z {z:.4g}{within}", number.value * z,
                 _source(number, model)),)  # fmt: skip


def _uniform(evaluation: Evaluation) -> float | None:
    own = [draw for draw in evaluation.noise if draw.variable == evaluation.variable]
    return own[-1].uniform if own else None


def _weeks(evaluation: Evaluation) -> float | None:
    """Weeks at risk of a hazard between two scans; None at a visit without a scan."""
    state, scan = evaluation.state, evaluation.parents.get(("scan_day", 0))
    if (
        scan is None
        or np.isnan(scan[0])
        or "previous_scan" not in state
        or "line_start" not in state
    ):
        return None
    return float((scan[0] - max(state["previous_scan"][0], state["line_start"][0])) / 7.0)


def _source(number: object, model: CausalModel) -> str:
    parameter = getattr(number, "parameter", None)
    provenance = parameter(0.0) if callable(parameter) else number
    status, source = getattr(provenance, "status", ""), getattr(provenance, "source", "")
    return f"{status}: {citation.cite(source, model.disease)}"
