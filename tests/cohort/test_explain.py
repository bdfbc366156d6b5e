"""The replay is the patient, and the terms and the noise add up to the value."""

from __future__ import annotations

import numpy as np
import pytest

from cohort.explain import TracedModel, explain_value, explain_variable, trace_model
from cohort.explain.parts import decompose, shares
from cohort.model import CausalModel, Intervention
from ontology.errors import ConsilienceError
from ontology.knowledge import KnowledgeGraph

SEED = 5
PATIENTS = range(12)
EXACT = 1e-9


@pytest.fixture(scope="module")
def traced(advanced: CausalModel) -> list[TracedModel]:
    models = [trace_model(advanced) for _ in PATIENTS]
    for index, model in zip(PATIENTS, models, strict=True):
        model.sample(1, SEED, index)
    return models


def kind(model: CausalModel, name: str) -> str:
    return model.disease.variables[name].kind


def test_the_trace_is_the_sample(advanced: CausalModel, traced: list[TracedModel]) -> None:
    whole = advanced.sample(len(PATIENTS), SEED)
    for index, model in zip(PATIENTS, traced, strict=True):
        for name, values in whole.baseline.items():
            assert np.array_equal(
                model.trace[name, None].value[..., 0], values[..., index], equal_nan=values.dtype.kind == "f"
            ), name  # fmt: skip
        rows = whole.visits["patient"] == index
        steps = whole.visits["step"][rows]
        for name in ("ldh", "sld", "regimen", "death"):
            replayed = [model.trace[name, int(step)].value[0] for step in steps]
            assert np.array_equal(replayed, whole.visits[name][rows]), name


def test_terms_and_noise_add_up_to_the_value(traced: list[TracedModel]) -> None:
    """Laboratory values, log-normal and normal variables; cut or rounded ones to their precision."""
    seen = {"lab": 0, "lognormal": 0, "normal": 0, "tgi_rate": 0}
    for model in traced:
        for (name, step), evaluation in model.trace.items():
            if kind(model, name) not in seen or (
                not evaluation.noise and kind(model, name) != "tgi_rate"
            ):
                continue
            if kind(model, name) == "tgi_rate" and step:  # kept since the line began
                continue
            made = decompose(model, model.trace, evaluation)
            variable = model.disease.variables[name]
            low, high = getattr(variable, "range", (-np.inf, np.inf))
            value = float(evaluation.computed[0])
            if made is None or value in (low, high) or not np.isfinite(made.total):
                continue  # at a bound, or zero by definition
            decimals = None if kind(model, name) == "lab" else getattr(variable, "decimals", None)
            total = sum(part.amount for part in made.parts)
            if decimals is None:
                assert made.rest == pytest.approx(0.0, abs=EXACT), name
            elif made.scale == "ln":
                assert np.exp(total) == pytest.approx(value, abs=0.51 * 10.0**-decimals), name
            seen[kind(model, name)] += 1
    assert all(count > 5 for count in seen.values()), seen


def test_the_uniform_is_held_against_the_probability(
    advanced: CausalModel, traced: list[TracedModel]
) -> None:
    held = {"bernoulli": [], "hazard": []}  # type: ignore[var-annotated]
    visits = advanced.sample(300, SEED).visits
    struck = trace_model(advanced)  # few patients have a non-target progression: take one
    struck.sample(1, SEED, int(visits["patient"][visits["nontarget_progression"]][0]))
    for model in (*traced, struck):
        for (name, _), evaluation in model.trace.items():
            made = decompose(model, model.trace, evaluation) if kind(model, name) in held else None
            if made is None or made.probability is None or made.uniform is None:
                continue
            at_risk = kind(model, name) == "bernoulli" or (
                evaluation.state["nontarget_present"][0]
                and not evaluation.state["nontarget_gone_investigator"][0]
            )
            if at_risk:
                drawn = made.uniform < made.probability
                assert bool(evaluation.computed[0]) == drawn, name
                held[kind(model, name)].append(drawn)
    assert all(len(values) > 20 and any(values) for values in held.values()), held


def test_the_uniform_picks_the_level(traced: list[TracedModel]) -> None:
    picked = 0
    for model in traced:
        for (name, _), evaluation in model.trace.items():
            found = shares(model, evaluation)
            if found and evaluation.noise:
                bounds = np.cumsum([share for _, share in found])
                code = int((evaluation.noise[-1].uniform >= bounds[:-1]).sum())
                assert found[code][0] == model.levels[name][int(evaluation.computed[0])], name
                picked += 1
    assert picked > 50


def test_every_variable_of_a_patient_can_be_explained(
    traced: list[TracedModel], knowledge: KnowledgeGraph
) -> None:
    """Whatever its mechanism: the text names the variable, every parent and every number."""
    model = traced[7]
    for name in model.mechanisms:
        made = explain_value(model, knowledge, {}, seed=SEED, index=7, day=0, value=name)
        for part in (name, *(p for p, _ in model.mechanisms[name].parents)):
            assert part in made.text
        assert all(number in made.text for number, _ in model.disease.variables[name].numbers())
        assert all(draw.key(SEED) in made.text for draw in made.noise)


def test_noise_is_named_with_its_address(
    traced: list[TracedModel], knowledge: KnowledgeGraph
) -> None:
    step, day = 1, traced[7].trace["visit_day", 1].number
    made = explain_value(traced[7], knowledge, {}, seed=SEED, index=7, day=int(day), value="ldh")
    own = next(draw for draw in made.noise if draw.variable == "ldh")
    assert (own.step, own.slot) == (step, 0)
    assert {"ldh", "ldh/person"} == {draw.variable for draw in made.noise}


def test_an_intervention_is_told_apart(advanced: CausalModel, knowledge: KnowledgeGraph) -> None:
    model = trace_model(advanced.do(Intervention("regimen", "docetaxel", 1)))
    model.sample(1, SEED, 7)
    made = explain_value(model, knowledge, {}, seed=SEED, index=7, day=0, value="regimen")
    assert made.latent == "docetaxel"
    assert made.computed not in (None, "docetaxel")
    assert f"set by do(); without it {made.computed}" in made.text


@pytest.mark.parametrize(
    ("value", "day", "message"),
    [
        ("ldhh", 0, "did you mean 'ldh'"),
        ("ldh", 1, "one of the days 0, "),
        ("ldh", None, "got:    no day"),
        ("patients.agee", None, "did you mean 'age'"),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(
    traced: list[TracedModel], knowledge: KnowledgeGraph, value: str, day: int | None, message: str
) -> None:
    with pytest.raises(ConsilienceError, match=message):
        explain_value(traced[7], knowledge, {}, seed=SEED, index=7, day=day, value=value)


def test_the_text_of_a_variable_stands(advanced: CausalModel, knowledge: KnowledgeGraph) -> None:
    text = explain_variable(advanced, knowledge, "ldh")
    assert "regimen at the previous visit" in text
    assert "acts on: kg" in text
