"""HGVS protein changes as they are printed: in full, or short with one letter an amino acid."""

from __future__ import annotations

import re

LETTERS = {
    "Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E", "Gly": "G",
    "His": "H", "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F", "Pro": "P", "Ser": "S",
    "Thr": "T", "Trp": "W", "Tyr": "Y", "Val": "V", "Ter": "*",
}  # fmt: skip


def short_protein(hgvs_p: str) -> str:
    """``p.Leu858Arg`` as ``L858R``; ``p.Glu746_Ala750del`` as ``E746_A750del``."""
    return re.sub("|".join(LETTERS), lambda m: LETTERS[m[0]], hgvs_p.removeprefix("p."))


def short_change(driver: str) -> str:
    """``EGFR p.Leu858Arg`` as ``EGFR L858R``; a fusion stays as it is."""
    gene, _, change = driver.partition(" ")
    return f"{gene} {short_protein(change)}" if change.startswith("p.") else driver
