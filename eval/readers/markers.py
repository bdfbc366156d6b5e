"""Reads PD-L1 and tumour mutational burden from one sentence of a clinic note or a report."""

from __future__ import annotations

import re

from eval.readers.genes import GENE
from eval.readers.prose import plain
from eval.readers.wording import first

_PDL1 = re.compile(
    r"\bPD[- ]?L1\b|\bprogrammed (?:cell )?death[- ]ligand(?:[- ]?1)?\b|\bTPS\b"
    r"|\bproportion score\b|\bCD274\b",
    re.IGNORECASE,
)
_CLONE = re.compile(r"\b(?:22C3|28-8|SP263|SP142|E1L3N|73-10)\b", re.IGNORECASE)
_LIMIT = r"(?:≥|>=?|\bat least |\bmore than |\bover |\babove |\bgreater than )"
_SHARE = re.compile(
    r"(?P<below><|\bless than |\bbelow |\bunder |\bfewer than |\bdoes not reach )?\s?"
    r"(?<![\d.])(?P<n>\d{1,3})(?:\.\d+)?\s?(?:%|per ?cent)",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(?:TPS|proportion score)\)?(?: of| was| is|:| =)? ?(\d{1,3})\b(?![.%]\d| ?mut)"
)
_OTHER = re.compile(r"\bTMB\b|\bmutation(?:al)? (?:burden|load)|\ballel|\bVAF\b|;", re.IGNORECASE)
_TMB = re.compile(r"\bTMB\b|\bmutation(?:al)? (?:burden|load)", re.IGNORECASE)
_PER_MB = re.compile(
    rf"(?P<limit>{_LIMIT}|(?:threshold|cut-?off)[^\d]{{0,12}})?\s?(?<![\d.])(?P<n>\d+(?:\.\d+)?)\s?"
    r"(?:mut(?:ation|ations|s)?\.?|variants|SNVs?)?\s?(?:/|\bper )\s?(?:Mb\b|megabase|MB\b)",
    re.IGNORECASE,
)
_COUNT = re.compile(rf"[^\d;%]{{0,40}}?(?P<limit>{_LIMIT})?\s?(?P<n>\d+(?:\.\d+)?)(?![\d.]*\s?%)")


def read_tps(sentence: str) -> int | None:
    """PD-L1 tumour proportion score, per cent; 0 for less than 1 % and where it is negative."""
    text = _CLONE.sub(lambda m: "#" * len(m[0]), sentence)
    names = list(_PDL1.finditer(text))
    if not names:
        return None
    shares = [
        m for m in _SHARE.finditer(text)
        if not re.search(rf"{_LIMIT}\s?$", text[: m.start()], re.IGNORECASE)
    ]  # fmt: skip
    after = [m for m in shares for n in names if m.start() >= n.end()
             and not _OTHER.search(text, n.end(), m.start())]  # fmt: skip
    before = [m for m in shares for n in names if m.end() <= n.start()
              and not _OTHER.search(text, m.end(), n.start())]  # fmt: skip
    if found := (after[0] if after else before[-1] if before else None):
        return 0 if found["below"] else int(found["n"])
    if bare := _BARE.search(text):
        return int(bare[1])
    negative = not _SHARE.search(text) and read_band(sentence) == "none"
    return 0 if negative else None


def read_band(sentence: str) -> str | None:
    """The class that PD-L1 is put in: none, low or high."""
    parts = re.split(rf";|(?=\bTMB\b|\b[Tt]umou?r [Mm]utation)|(?={GENE.pattern})", sentence)
    return next((first("bands", plain(part)) for part in parts if _PDL1.search(part)), None)


def read_tmb(sentence: str) -> tuple[float, int] | None:
    """Mutations per megabase, and how many decimals are printed."""
    numbers = [m for m in _PER_MB.finditer(sentence) if not m["limit"]]
    if not numbers and (name := _TMB.search(sentence)):
        count = _COUNT.match(sentence, name.end())
        numbers = [count] if count and not count["limit"] else []
    if not numbers:
        return None
    return float(numbers[0]["n"]), len(numbers[0]["n"].partition(".")[2])
