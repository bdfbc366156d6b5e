"""A disease file that cannot be used is refused, with the line and the remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from alignment.run import Range, bundled
from cohort.compiler import compile_disease
from ontology.errors import ConsilienceError
from ontology.knowledge import KnowledgeGraph

Broken = Callable[[str, str], Path]


@pytest.fixture
def broken(tmp_path: Path) -> Broken:
    """The NSCLC files with one text replaced in one of them."""
    head = bundled("nsclc", "diseases")

    def make(old: str, new: str) -> Path:
        shutil.copy(head, tmp_path)
        shutil.copytree(head.with_suffix(""), tmp_path / head.stem, dirs_exist_ok=True)
        for path in (tmp_path / head.name, *sorted((tmp_path / head.stem).iterdir())):
            text = path.read_text(encoding="utf-8")
            if old in text:
                path.write_text(text.replace(old, new, 1), encoding="utf-8")
                return tmp_path / head.name
        raise AssertionError(f"no file holds {old!r}")

    return make


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: histogram\n    label: age", "kind: histogram\n    lable: age", "unknown key 'lable'"),
        ("  tmb:\n", "  tmbb:\n", "did you mean 'tmb'"),
        ("{parent: egfr, odds_ratio: 0.02", "{parent: egrf, odds_ratio: 0.02", "did you mean 'egfr'"),
        ("{parent: egfr, odds_ratio: 0.02", "{parent: egfr, odds_ratio: 50", "sign '-'"),
        ("{parent: egfr, odds_ratio: 0.02", "{parent: height_cm, odds_ratio: 0.02", "not an edge"),
        ("level: female, odds_ratio: 1.55", "level: femal, odds_ratio: 1.55", "no level 'femal'"),
        ("unit: g/dL", "unit: g/gallon", "unknown unit 'g/gallon'"),
        ("values: {male: 0.53, female: 0.47}", "values: {male: 0.53, female: 0.57}", "add up to 1.1"),
        ("values: {male: 0.53, female: 0.47}", "values: {male: 1.0}", "one number for each"),
        ("EML4_ALK_v1: 0.55, EML4_ALK_v3", "EML4_ALK_v1: 0.65, EML4_ALK_v3", "add up to 1.1"),
        ("{EML4_ALK_v1: 0.55, EML4_ALK_v3: 0.45}", "{EML4_ALK_v1: 1.0}", "one number for each"),
        ("by: [ancestry, smoking_status]", "by: [ancestry, sex]", "are wanted"),
        ("    by: [ancestry, smoking_status]\n", "", "'by' goes with a 'base'"),
        ("mar_effects:\n      - {parent: ecog,", "mar_effects:\n      - {parent: ecogg,", "did you mean 'ecog'"),
        ("gene: kras\n", "gene: kraz\n", "did you mean 'kras'"),
        ("source: ganti2021, status: confirmed", "source: ganti, status: confirmed", "ganti2021"),
        ("status: assumption, why: \"a US-like", "status: assumption, wy: \"a US-like", "unknown key"),
        ("      - {regimen: docetaxel}\n", "", "without a decision"),
        ("alk: true, targeted_therapy: true}, regimen: alectinib}", "alk: true, targeted_therapy: true}, regimen: alectinb}", "did you mean 'alectinib'"),
        ("regimens: [osimertinib, ", "regimens: [osimertinb, ", "hence no target"),
        ("docetaxel: {value: 0.0245", "docetaxil: {value: 0.0245", "no typical rate of regimen 'docetaxel'"),
        ("{when: {line: 1, met: true", "{when: {line: 1, mett: true", "did you mean 'met'"),
        ("{when: {previous: alectinib}", "{when: {previous: alectinb}", "did you mean 'alectinib'"),
        ("{parent: age, reference: 67, per: 10, add: 0.15,", "{parent: ecog_now, level: '2', lag: 1, add: 0.15,", "missing at random depends on baseline variables"),
        ("      - {value: IA1}\n", "", "the last case must have no condition"),
        ("median: {value: 12.6, unit: g/dL", "median: {value: 126, unit: g/dL", "outside its physical range, 0 to 30"),
    ],
)  # fmt: skip
def test_refused(
    broken: Broken, knowledge: KnowledgeGraph, old: str, new: str, message: str
) -> None:
    path = broken(old, new)
    with pytest.raises(ConsilienceError) as error:
        compile_disease(path, knowledge)
    text = str(error.value)
    assert message in text
    assert str(path.parent) in text


def test_the_line_is_named(broken: Broken, knowledge: KnowledgeGraph) -> None:
    path = broken("unit: g/dL", "unit: g/gallon")
    lines = (path.with_suffix("") / "labs.yaml").read_text().split("\n")
    number = next(i for i, line in enumerate(lines, 1) if "gallon" in line)
    with pytest.raises(ConsilienceError, match=f"nsclc/labs.yaml:{number} "):
        compile_disease(path, knowledge)


def test_a_cycle_is_refused(broken: Broken, knowledge: KnowledgeGraph) -> None:
    path = broken(
        "  sex:\n    kind: categorical\n    label: sex\n",
        "  sex:\n    kind: categorical\n    label: sex\n    effects:\n"
        "      - {parent: smoking_status, level: never, toward: female, odds_ratio: 2, "
        "status: assumption, why: test}\n",
    )
    with pytest.raises(ConsilienceError, match=r"not an edge of the graph|cycle at lag 0"):
        compile_disease(path, knowledge)


def test_a_key_that_stands_twice_is_refused(broken: Broken, knowledge: KnowledgeGraph) -> None:
    path = broken("step_days: 21\n", "step_days: 21\nstep_days: 7\n")
    with pytest.raises(ConsilienceError, match="stands twice"):
        compile_disease(path, knowledge)


def test_no_yaml(tmp_path: Path, knowledge: KnowledgeGraph) -> None:
    path = tmp_path / "d.yaml"
    path.write_text("a: [1, 2\n")
    with pytest.raises(ConsilienceError, match="not valid YAML"):
        compile_disease(path, knowledge)
    with pytest.raises(ConsilienceError, match="cannot read the file"):
        compile_disease(tmp_path / "missing.yaml", knowledge)


def test_a_population_may_ask_for_a_range(knowledge: KnowledgeGraph) -> None:
    wanted = {"age": Range(at_least=50, at_most=60), "pdl1_tps": Range(at_least=1)}
    model = compile_disease(bundled("nsclc", "diseases"), knowledge, wanted)
    drawn = model.sample(200, seed=1, variables=list(wanted)).baseline
    assert drawn["age"].min() >= 50 and drawn["age"].max() <= 60
    assert drawn["pdl1_tps"].min() >= 1 and len(set(drawn["age"])) > 5


@pytest.mark.parametrize("wrong", [{}, {"at_least": 5, "at_most": 4}, {"above": 3}])
def test_a_range_has_a_bound(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"at_least|Extra inputs"):
        Range.model_validate(wrong)


def test_a_population_outside_the_levels_is_refused(knowledge: KnowledgeGraph) -> None:
    path = bundled("nsclc", "diseases")
    with pytest.raises(ConsilienceError, match="has no level V"):
        compile_disease(path, knowledge, {"stage": ("V",)})
    with pytest.raises(ConsilienceError, match="unknown variable 'egfrr'; did you mean"):
        compile_disease(path, knowledge, {"egfrr": True})
    with pytest.raises(ConsilienceError, match="unknown variable 'response'"):
        compile_disease(path, knowledge, {"response": "PD"})
    with pytest.raises(ConsilienceError, match="'age' is a number: ask for a range"):
        compile_disease(path, knowledge, {"age": (50, 60)})
    with pytest.raises(ConsilienceError, match="'stage' has levels and no range"):
        compile_disease(path, knowledge, {"stage": Range(at_least=3)})
    empty = compile_disease(path, knowledge, {"stage": "IA1", "m": "M1c"})
    with pytest.raises(ConsilienceError, match="population is empty"):
        empty.sample(1, seed=1)
