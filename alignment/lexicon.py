"""What notes must know beside the patient's record: names and routes of drugs, driver genes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ontology.errors import ConsilienceError

FUSION_PLACE = re.compile(r"(?<!:):(?!:).*$")
"""The exons of a fusion, after its two genes: EML4::ALK:E13;A20."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """From the knowledge graph.

    ``drugs``: RxNorm ingredient code to name; ``oral``: codes of drugs taken daily; ``drivers``:
    genes whose alterations choose a treatment; ``genes``: the others of the variant catalogue;
    ``consequences``: by HGVS coding name, what a
    variant does where that is not its protein change; ``decimals``: by LOINC, as reported.
    """

    drugs: Mapping[str, str]
    oral: frozenset[str]
    drivers: tuple[str, ...]
    genes: tuple[str, ...]
    consequences: Mapping[str, str]
    decimals: Mapping[str, int]

    def names(self, rxnorm: str) -> tuple[str, ...]:
        """Names of ingredient codes joined by '+', sorted. Raises ConsilienceError for others."""
        codes = [code for code in rxnorm.split("+") if code]
        unknown = [code for code in codes if code not in self.drugs]
        if unknown:
            raise ConsilienceError(
                "a drug without a name", got=", ".join(unknown),
                wanted=", ".join(sorted(self.drugs)), remedy="add it to the knowledge graph",
            )  # fmt: skip
        return tuple(sorted(self.drugs[code] for code in codes))

    def daily(self, rxnorm: str) -> bool:
        """Whether all drugs are taken by mouth, every day: no cycles."""
        codes = {code for code in rxnorm.split("+") if code}
        return bool(codes) and codes <= self.oral


def change_of(gene: str, hgvs_c: str, hgvs_p: str, consequences: Mapping[str, str]) -> str:
    """``EGFR p.Leu858Arg``; ``MET exon 14 skipping``; ``EML4::ALK fusion``."""
    if hgvs_c in consequences:
        return f"{gene} {consequences[hgvs_c]}"
    if hgvs_p == "p.?":
        return f"{FUSION_PLACE.sub('', hgvs_c)} fusion"
    return f"{gene} {hgvs_p}"
