"""The drawing: all neighbours, told apart, no two labels on each other, the same bytes."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from PIL import Image

from cohort.explain.drawing import draw_variable
from cohort.explain.layout import LEADING, SMALL, arrange, width_of
from cohort.explain.neighbourhood import neighbourhood
from cohort.explain.page import rows
from cohort.model import CausalModel, Intervention
from ontology.errors import ConsilienceError
from ontology.knowledge import KnowledgeGraph

SHOWN = ("egfr", "ldh", "death", "response", "lesions")


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_same_graph_gives_the_same_bytes(
    advanced: CausalModel, knowledge: KnowledgeGraph, tmp_path: Path, suffix: str
) -> None:
    made = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for path in made:
        draw_variable(advanced, knowledge, "ldh", path)
    assert made[0].read_bytes() == made[1].read_bytes()
    if suffix == "png":
        with Image.open(made[0]) as image:
            assert min(image.size) > 500
            assert "Software" not in image.info
    else:
        text = made[0].read_text()
        assert "<svg" in text and "dc:date" not in text


@pytest.mark.parametrize("variable", SHOWN)
@pytest.mark.parametrize("hops", [1, 2])
def test_nothing_overlaps(
    advanced: CausalModel, knowledge: KnowledgeGraph, variable: str, hops: int
) -> None:
    part = neighbourhood(advanced, knowledge, variable, hops)
    taken = []
    for node, box in arrange(part).boxes.items():
        left, right = box.left, box.right
        if box.amounts:
            wide = max(width_of(text, SMALL) for text in box.amounts)
            left, right = (left, right + wide) if node.column < 0 else (left - wide, right)
        tall = max(box.height, LEADING * len(box.amounts))
        taken.append((node, left, box.y - tall / 2, right, box.y + tall / 2))
    for (a, *one), (b, *two) in itertools.combinations(taken, 2):
        apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
        assert apart, (a.variable, b.variable)


@pytest.mark.parametrize("variable", SHOWN)
def test_every_parent_and_child_is_there_with_its_lag(
    advanced: CausalModel, knowledge: KnowledgeGraph, variable: str
) -> None:
    part = neighbourhood(advanced, knowledge, variable)
    near = {
        (link.cause.variable, link.lag, link.effect.variable)
        for link in part.links
        if part.centre in (link.cause, link.effect)
    }
    parents = {(p, lag, variable) for p, lag in advanced.mechanisms[variable].parents}
    children = {
        (variable, lag, name)
        for name, mechanism in advanced.mechanisms.items()
        for parent, lag in mechanism.parents
        if parent == variable
    }
    assert near == parents | children


def test_causes_stand_left_and_lags_are_marked(
    advanced: CausalModel, knowledge: KnowledgeGraph
) -> None:
    part = neighbourhood(advanced, knowledge, "ldh")
    boxes = arrange(part).boxes
    centre = boxes[part.centre]
    for link in part.links:
        if link.effect == part.centre:
            assert boxes[link.cause].right < centre.left
        if link.cause == part.centre:
            assert centre.right < boxes[link.effect].left
    regimen = next(n for n in part.nodes if n.variable == "regimen")
    assert regimen.when == "previous visit"


def test_observed_and_latent_are_told_apart(
    advanced: CausalModel, knowledge: KnowledgeGraph
) -> None:
    forced = advanced.do(Intervention("regimen", "docetaxel", 1))
    nodes = {n.variable: n for n in neighbourhood(forced, knowledge, "ldh", 2).nodes}
    assert nodes["ldh"].observed and nodes["response"].observed
    assert not nodes["sld"].observed and not nodes["kg"].observed
    assert nodes["regimen"].forced == "docetaxel in line 1"
    assert nodes["ldh"].forced is None


def test_the_table_gives_every_number_with_its_source(
    advanced: CausalModel, knowledge: KnowledgeGraph
) -> None:
    made = rows(neighbourhood(advanced, knowledge, "egfr"))
    assert all(row.source for row in made)
    shown = " ".join(f"{row.number} {row.status} {row.source}" for row in made)
    for text in ("OR 1.55 if female", "base european/never 0.368", "PMID 27738317", "calibrated"):
        assert text in shown


@pytest.mark.parametrize(
    ("variable", "name", "hops", "message"),
    [
        ("ldhh", "a.svg", 1, "did you mean 'ldh'"),
        ("ldh", "a.pdf", 1, "svg or .png"),
        ("ldh", "a.svg", 9, "1 to 4"),
        ("ldh", "none/a.svg", 1, "cannot write"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    advanced: CausalModel, knowledge: KnowledgeGraph, tmp_path: Path,
    variable: str, name: str, hops: int, message: str,
) -> None:  # fmt: skip
    with pytest.raises(ConsilienceError, match=message):
        draw_variable(advanced, knowledge, variable, tmp_path / name, hops)
