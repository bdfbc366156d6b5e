"""Why one patient has one value: how it was recorded, its parents, its terms, its noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from alignment.identifiers import patient_id
from alignment.noise import Noise
from cohort import spec
from cohort.explain import address as addresses
from cohort.explain import citation, story
from cohort.explain.address import Address
from cohort.explain.parts import Sum, decompose, shares, show
from cohort.explain.trace import Evaluation, NoiseDraw, TracedModel
from cohort.frame import Array
from ontology.knowledge import KnowledgeGraph


@dataclass(frozen=True, slots=True)
class Parent:
    """A parent and what it was. ``value``: None where there was no previous visit."""

    variable: str
    lag: int
    value: str | None
    unit: str
    sign: str


@dataclass(frozen=True)
class Why:
    """All that made a value. ``text`` tells it; the parts are for notebooks.

    ``day``: as asked for; ``drawn_on``: the visit at which the value came about, None for what is
    drawn once a patient. ``recorded``: what the tables show, ``row`` all of it; ``latent``: the
    model's value. ``steps``: from the latent value to the recorded one.
    """

    patient: str
    seed: int
    day: int | None
    address: str
    variable: str
    label: str
    unit: str
    drawn_on: float | None
    recorded: Any
    row: Mapping[str, Any] | None
    latent: str
    computed: str | None
    steps: tuple[str, ...]
    equation: str
    parents: tuple[Parent, ...]
    sum: Sum | None
    shares: tuple[tuple[str, float], ...]
    noise: tuple[NoiseDraw, ...]
    remembered: Mapping[str, float]
    numbers: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """For the terminal."""
        return story.tell(self)

    def __str__(self) -> str:
        return self.text


def explain_value(
    model: TracedModel, knowledge: KnowledgeGraph, tables: Mapping[str, pa.Table],
    *, seed: int, index: int, day: int | None, value: str, notes: tuple[str, ...] = (),
) -> Why:  # fmt: skip
    """From a filled trace and the tables of the one patient."""
    address = addresses.parse(value, model)
    row = addresses.find_row(address, day, tables) if address.table is not None else None
    evaluation = addresses.find_evaluation(address, day, row, model.trace, model)
    name = evaluation.variable
    variable = model.disease.variables[name]
    slot = lesion_slot(address, row, evaluation)
    drawn_on = None
    if evaluation.step is not None:
        drawn_on = model.trace["visit_day", evaluation.step].number
    latent = _shown(model, name, evaluation.value, slot)
    if slot is not None:
        latent = f"{_shown(model, 'lesions', evaluation.parents['lesions', 0], slot)} mm"
    return Why(
        patient=patient_id(index), seed=seed, day=day, address=value, variable=name,
        label=variable.label, unit=_unit(knowledge, name), drawn_on=drawn_on,
        recorded=None if row is None else row[address.column], row=row, latent=latent,
        computed=_shown(model, name, evaluation.computed, slot) if evaluation.forced else None,
        steps=_steps(model, seed, index, address, row, evaluation, slot),
        equation=model.mechanisms[name].equation(),
        parents=_parents(model, knowledge, evaluation, slot),
        sum=decompose(model, model.trace, evaluation), shares=shares(model, evaluation),
        noise=_noise(model, evaluation, slot),
        remembered={k: float(v[0]) for k, v in sorted(evaluation.wrote.items()) if v.ndim == 1},
        numbers=tuple(
            (key, citation.number(p, model.disease)) for key, p in variable.numbers()
        ),
        notes=notes,
    )  # fmt: skip


def _noise(model: TracedModel, evaluation: Evaluation, slot: int | None) -> tuple[NoiseDraw, ...]:
    """The draws of this run, and those once a patient that the first visit made."""
    drawn = evaluation.noise
    if evaluation.step:
        first = model.trace[evaluation.variable, 0].noise
        again = {draw.variable for draw in drawn} | {evaluation.variable}
        drawn = (*drawn, *(d for d in first if d.variable not in again))
    return tuple(dict.fromkeys(d for d in drawn if slot is None or d.slot == slot))


def lesion_slot(
    address: Address, row: Mapping[str, Any] | None, evaluation: Evaluation
) -> int | None:
    """The slot of the model that a lesion's row shows: the one with its size, by count first."""
    present = evaluation.state.get("lesion_present")
    if address.table is None or address.table.name != "lesions" or row is None or present is None:
        return None
    if evaluation.variable != "measurement":
        return None
    count = np.cumsum(present[:, 0])
    number = int(str(row["lesion_id"])[1:])
    first = [s for s in range(len(present)) if present[s, 0] and count[s] == number]
    axis = ("long_axis_mm", "short_axis_mm").index(address.column)
    slots: list[int] = [*first, *range(len(present))]
    for slot in slots:
        if float(evaluation.value[axis, slot, 0]) == row[address.column]:
            return slot
    return int(first[0]) if first else None


def _shown(model: TracedModel, name: str, value: Array, slot: int | None) -> str:
    """One value, a level by its name; of lesions the long and short axis."""
    if name in model.levels:
        return model.levels[name][int(value[0])]
    if value.ndim == 1:
        return show(value[0])
    picked = value[:, slot, 0] if slot is not None else value[..., 0].ravel()
    return " x ".join(show(x) for x in picked if not np.isnan(x)) or "none"


def _unit(knowledge: KnowledgeGraph, name: str) -> str:
    unit = knowledge.unit(name)
    return "" if unit == "1" else unit


def _parents(
    model: TracedModel, knowledge: KnowledgeGraph, evaluation: Evaluation, slot: int | None
) -> tuple[Parent, ...]:
    edges = [e for e in knowledge.edges() if e.effect == evaluation.variable]
    made = []
    for parent, lag in model.mechanisms[evaluation.variable].parents:
        value = evaluation.parents.get((parent, lag))
        signs = {e.sign for e in edges if (e.cause, e.lag) == (parent, lag)}
        shown = None if value is None else _shown(model, parent, value, slot)
        sign = signs.pop() if len(signs) == 1 else "by level"
        made.append(Parent(parent, lag, shown, _unit(knowledge, parent), sign))
    return tuple(made)


def _steps(
    model: TracedModel, seed: int, index: int, address: Address,
    row: Mapping[str, Any] | None, evaluation: Evaluation, slot: int | None,
) -> tuple[str, ...]:  # fmt: skip
    """From the latent value to what was written down."""
    variable = model.disease.variables[evaluation.variable]
    if row is None or address.table is None:
        return ()
    if isinstance(variable, spec.Lab) and address.table.name == "labs":
        assert evaluation.step is not None
        noise, cv = Noise(seed, f"{evaluation.variable}/analytical"), variable.analytical_cv
        u = float(noise.uniform(index, 1, evaluation.step)[0])
        z = float(noise.normal(index, 1, evaluation.step)[0])
        after = evaluation.number * float(np.exp(cv.value * z))
        cited = citation.number(cv.parameter(cv.value), model.disease)
        made = [
            f"analytical error: x exp({cv.value:g} x z {z:.4g}) = x {np.exp(cv.value * z):.5g}, "
            f"gives {after:.6g}",
            f"  noise {noise.variable}: uniform {u:.6f}, step {evaluation.step}, slot 0, "
            f"key {noise.key_hex}",
            f"  analytical_cv {cited}",
            f"rounded to {variable.decimals} decimals: {row['value']:g}",
        ]
        if not np.isclose(np.round(after, variable.decimals), row["value"], rtol=1e-12):
            made.append("  the laboratory's report adds more than this error")
        return tuple(made)
    if isinstance(variable, spec.Measurement) and slot is not None:
        axis = ("long_axis_mm", "short_axis_mm").index(address.column)
        latent = float(evaluation.parents["lesions", 0][axis, slot, 0])
        sd = float(np.hypot(variable.sd_mm.value, variable.sd_share.value * latent))
        drawn = [d for d in evaluation.noise if d.slot == slot and d.halves]
        z = drawn[-1].normals[axis] if drawn else float("nan")
        return (
            f"reader error: sd = sqrt({variable.sd_mm.value:g}^2 + "
            f"({variable.sd_share.value:g} x {latent:.4g})^2) = {sd:.4g} mm, x z {z:.4g} = "
            f"{sd * z:+.4g} mm, gives {latent + sd * z:.4g} mm",
            f"whole mm; at least {variable.too_small.value:g} while it is seen, and what makes a "
            f"target measurable at the scan that chooses it; 0 once gone; the short axis at most "
            f"the long: {row[address.column]}",
        )
    return ()
