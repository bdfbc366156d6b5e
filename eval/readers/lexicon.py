"""What radiologists write, as phrases: the dictionary of lexicon.yaml under the readers' names.

Negation cues start from NegEx (Chapman et al. 2001, doi:10.1006/jbin.2001.1029) as shipped by
negspacy, which has none for "not seen", "resolved" or normal organs.
"""

from __future__ import annotations

import importlib.resources
from typing import Any

import yaml
from negspacy.termsets import LANGUAGES

_DATA: dict[str, Any] = yaml.safe_load(
    importlib.resources.files("eval.readers").joinpath("lexicon.yaml").read_text(encoding="utf-8")
)
_NEGEX: dict[str, list[str]] = LANGUAGES["en_clinical"]


def _named(part: str, name: str) -> dict[str, tuple[str, ...]]:
    return {value: tuple(phrases) for value, phrases in _DATA[part][name].items()}


def _phrases(part: str, name: str) -> tuple[str, ...]:
    return tuple(_DATA[part][name])


def _cues(negex: str, name: str) -> tuple[str, ...]:
    """Terms of NegEx less those dropped, and ours."""
    ours = _DATA["negation"]
    dropped = ours.get(f"{name}_dropped", ())
    return (*(term for term in _NEGEX[negex] if term not in dropped), *ours[name])


LOBES = _named("places", "lobes")
SIDES = _named("places", "sides")
ORGANS = _named("places", "organs")
STRUCTURES = _named("places", "structures")
FINDINGS = _named("lesions", "findings")
CHANGES = _named("lesions", "changes")
GENERIC = _phrases("lesions", "generic")
UNCERTAIN: dict[str, tuple[str, ...]] = {k: tuple(v) for k, v in _DATA["certainty"].items()}
SECTIONS: dict[str, tuple[str, ...]] = {k: tuple(v) for k, v in _DATA["sections"].items()}
NEGATION_BEFORE = _cues("preceding_negations", "before")
NEGATION_AFTER = _cues("following_negations", "after")
NEGATION_PSEUDO = _cues("pseudo_negations", "pseudo")
NEGATION_END = _cues("termination", "end")
NORMAL = _phrases("negation", "normal")
ELSEWHERE = _phrases("negation", "elsewhere")
PRIOR_VERBS = _phrases("sizes", "prior_verbs")
PRIOR_BEFORE = _phrases("sizes", "prior_before")
PRIOR_AFTER = _phrases("sizes", "prior_after")
DELTA_BEFORE = _phrases("sizes", "delta_before")
