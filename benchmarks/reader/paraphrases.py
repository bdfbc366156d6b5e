"""Paraphrases of clinical sentences: which of them the judge's readers of notes read right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from eval.readers.clinic import read_clinic
from eval.readers.molecular import read_molecular
from eval.readers.radiograph import bone_sentences, read_radiograph, unexpected

SETS = {
    "tuning": Path(__file__).parent / "paraphrases.yaml",
    "blind": Path(__file__).parent / "blind.yaml",
}
"""The readers were changed for the sentences of the first, and never for those of the second."""
VOCABULARY = ("cough", "nausea", "fatigue", "anemia", "dyspnea")
Facts = dict[str, Any]


def clinic_facts(text: str, expected: Facts) -> Facts:
    """What was read of the same kinds of facts as are expected."""
    read = read_clinic(text, VOCABULARY)
    step = read.steps[0] if len(read.steps) == 1 else None
    lab = read.labs[0] if read.labs else None
    found: Facts = {
        "tps": read.tps, "ecog": read.ecog, "weight": read.weight_kg,
        "weight_change": read.weight_change_kg, "response": read.response,
        "driver": read.drivers[0] if read.drivers else None,
        "no_symptoms": read.no_symptoms, "no_toxicity": read.no_toxicity or read.no_related,
        "lab": [lab.loinc, lab.value] if lab else None, "trend": lab.trend if lab else None,
        "line": sorted(read.lines[0].drugs) if read.lines else None,
        **_person(read.person),
    }  # fmt: skip
    for key, symptom in (("event", False), ("symptom", True)):
        graded = [[f.name, f.grade] for f in read.graded if f.symptom == symptom]
        found[key] = expected.get(key) if expected.get(key) in graded else graded or None
    if step is not None:
        found |= {"step": step.step, "drugs": sorted(step.drugs), "cycle": step.cycle,
                  "reason": step.reason}  # fmt: skip
    return found


def molecular_facts(text: str, expected: Facts) -> Facts:
    """The same of a molecular report."""
    read = read_molecular(text)
    first = read.variants[0] if read.variants else None
    return {
        "variant": [first.gene, first.hgvs_c, first.protein] if first else None,
        "vaf": None if first is None or first.vaf is None else round(first.vaf, 4),
        "named": expected.get("named") if expected.get("named") in read.named else None,
        "resistance": read.resistance[0] if read.resistance else None,
        "negative": list(dict.fromkeys(read.negative)), "nothing": read.nothing,
        "no_driver": read.no_driver, "tps": read.tps, "band": read.band, "tmb": read.tmb,
        "build": read.build, **_person(read.person),
    }  # fmt: skip


def radiograph_facts(text: str, expected: Facts) -> Facts:
    """The same of a radiograph report."""
    facts = {f.what: f for f in read_radiograph(text)}
    found: Facts = {what: fact.present for what, fact in facts.items()}
    main = next((facts[what] for what in expected if what in facts), None)
    if main is not None:
        found |= {"side": main.side, "zone": main.zone, "size_mm": main.size_mm,
                  "change": main.change}  # fmt: skip
    found["bone"] = bool(bone_sentences(text))
    named = [f.finding for f in unexpected(f"FINDINGS: {text}")]
    found["unexpected"] = (
        expected.get("unexpected") if expected.get("unexpected") in named else None
    )
    return found


def _person(person: Any) -> Facts:
    return {
        "age": person.age, "histology": person.histology, "stage": person.stage,
        "smoking": person.smoking, "pack_years": person.pack_years,
        "sex": next(iter(person.sexes)) if len(person.sexes) == 1 else None,
    }  # fmt: skip


READERS: dict[str, Callable[[str, Facts], Facts]] = {
    "clinic": clinic_facts, "molecular": molecular_facts, "radiograph": radiograph_facts,
}  # fmt: skip


def judged(name: str) -> dict[str, list[tuple[str, bool]]]:
    """By kind: every sentence of a set, and whether all that it says was read right."""
    given = yaml.safe_load(SETS[name].read_text(encoding="utf-8"))
    return {
        kind: [_judged(read, dict(row)) for row in given[kind]] for kind, read in READERS.items()
    }


def _judged(read: Callable[[str, Facts], Facts], expected: Facts) -> tuple[str, bool]:
    text = expected.pop("text")
    found = read(text, expected)
    return text, all(found.get(key) == value for key, value in expected.items())
