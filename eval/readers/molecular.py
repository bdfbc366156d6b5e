"""Reads a molecular pathology report: variants by their HGVS names, genes without any, markers."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field

from eval.readers.person import Person, read_person
from eval.readers.prose import find_dates, plain, sentences
from eval.reference import fusion_pair, short_protein

GENES = (
    "EGFR", "ALK", "ROS1", "BRAF", "KRAS", "MET", "RET", "ERBB2", "NTRK1", "NTRK2", "NTRK3",
    "TP53", "STK11", "KEAP1", "SMARCA4", "CDKN2A", "RB1", "PIK3CA", "NF1",
)  # fmt: skip
DRIVER_GENES = GENES[:11]
_GENE = re.compile(rf"(?<![\w-])(?:{'|'.join(GENES)})(?![\w-])")
_CODING = re.compile(
    r"(?P<hgvs>NM_\d+\.\d+:c\.[\w>*+=-]+)"
    r"|(?P<fusion>\b[A-Z][A-Z0-9]*(?:::|-)(?:ALK|ROS1|RET|NTRK[123])(?::E\d+;[A-Z]\d+)?)"
)
_PROTEIN = re.compile(r"p\.\(?([A-Za-z0-9_*=?]+)\)?")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s?%")
_NONE_IN = re.compile(
    r"no (?:pathogenic )?(?:alteration|variant|mutation)s?(?: or fusion)?(?: was| were)?"
    r"(?: detected| found)? in(?! the genes)|\bnegative:",
)
_NOTHING = re.compile(
    r"no (?:pathogenic|reportable)? ?(?:alteration|variant)s?(?: was| were)? (?:detected|found)"
    r"(?! in [a-z]*[0-9])",
)
_NO_DRIVER = re.compile(r"no (?:oncogenic )?driver(?: alteration)?")
_TPS = re.compile(r"(?:TPS|tumou?r proportion score)\)?:?\s*(<\s?1|\d{1,3})\s?%", re.IGNORECASE)
_BANDS = {  # the first that is found counts
    "none": r"\bnegative\b|\bno expression|\bnot expressed|\babsent",
    "high": r"\bhigh(?:ly)?\b|\bstrong",
    "low": r"\blow\b|\bweak",
}
_BUILD = re.compile(r"\b(?:GRCh|hg) ?(\d{2})\b", re.IGNORECASE)
_BUILDS = {"19": 37, "37": 37, "38": 38}
_RESISTANCE = re.compile(r"\bacquired\b|\bresistan")
_DRIVES = re.compile(r"\bdrivers?\b")
_TMB = re.compile(r"(?:TMB|tumou?r mutational burden):?\s*(\d+(?:\.\d+)?)\s?mut", re.IGNORECASE)
_NAMED = re.compile(
    rf"(?<![\w-])({'|'.join(DRIVER_GENES)}) (?:p\.)?(?!NM_)([A-Z*]\d+[A-Z*_]\w*)(?![>)])"
)
_FUSED = re.compile(
    r"\b([A-Z][A-Z0-9]*)(?:::|-)(ALK|ROS1|RET|NTRK[123])\b(?= (?:gene )?(?:fusion|rearrang))"
)
_SKIPPED = re.compile(r"\bMET ?(?:exon 14|ex14)\b|\bexon 14 skipping")


@dataclass(frozen=True, slots=True)
class VariantFact:
    """One stated alteration; ``protein`` short (L858R), "?" for a fusion; ``vaf`` a share."""

    gene: str
    hgvs_c: str
    protein: str | None
    vaf: float | None
    words: str


@dataclass
class MolecularReading:
    """Everything read from one report."""

    dates: list[dt.date] = field(default_factory=list)
    variants: list[VariantFact] = field(default_factory=list)
    named: list[str] = field(default_factory=list)  # EGFR L858R, EML4-ALK, MET exon 14 skipping
    resistance: list[str] = field(default_factory=list)
    driving: list[str] = field(default_factory=list)
    person: Person | None = None
    band: str | None = None
    build: int | None = None
    decimals: int = 0  # of the TMB
    negative: list[str] = field(default_factory=list)
    nothing: bool = False
    no_driver: bool = False
    tps: int | None = None
    tmb: float | None = None


def read_molecular(text: str) -> MolecularReading:
    """Facts of one report."""
    reading = MolecularReading(dates=[dated.date for dated in find_dates(text)])
    reading.variants = _variants(text)
    reading.person = read_person(text)
    if match := _BUILD.search(text):
        reading.build = _BUILDS.get(match[1], int(match[1]))
    for sentence in sentences(text):
        said = plain(sentence)
        if none := _NONE_IN.search(said):
            reading.negative += _GENE.findall(sentence[none.start() :])
        elif _NO_DRIVER.search(said):
            reading.no_driver = True
        elif _NOTHING.search(said):
            reading.nothing = True
        if match := _TPS.search(sentence):
            reading.tps = 0 if "<" in match[1] else int(match[1])
            around = plain(sentence)
            reading.band = next((k for k, w in _BANDS.items() if re.search(w, around)), None)
        if match := _TMB.search(sentence):
            reading.tmb = float(match[1])
            reading.decimals = len(match[1].partition(".")[2])
        if not none:
            names = [f"{m[1]} {m[2]}" for m in _NAMED.finditer(sentence)]
            names += [f"{m[1]}-{m[2]}" for m in _FUSED.finditer(sentence)]
            names += ["MET exon 14 skipping"] * bool(_SKIPPED.search(sentence))
            reading.named += names
            reading.resistance += names if _RESISTANCE.search(said) else []
            reading.driving += names if _DRIVES.search(said) else []
    return reading


def same_coding(stated: str, held: str) -> bool:
    """Whether two coding names are the same; of fusions the pair, and the exons where both tell."""
    pairs = fusion_pair(stated), fusion_pair(held)
    if None in pairs:
        return stated == held
    exons = [name.partition(":E")[2] for name in (stated, held)]
    return pairs[0] == pairs[1] and (not all(exons) or exons[0] == exons[1])


def _variants(text: str) -> list[VariantFact]:
    """Each coding name or fusion, with the gene before it, and the change and share around it."""
    found = []
    done = 0
    for match in _CODING.finditer(text):
        first = max(done, text.rfind("\n", 0, match.start()) + 1)
        last = text.find("\n", match.end())
        genes = list(_GENE.finditer(text, first, match.start()))
        percent = _PERCENT.search(text, match.end(), last if last >= 0 else len(text))
        if match["fusion"] and percent is None:
            continue  # the conclusion names it again
        start = genes[-1].start() if genes else match.start()
        end = percent.end() if percent else match.end()
        protein = _PROTEIN.search(text[start:end].replace(match[0], " "))
        found.append(
            VariantFact(
                genes[-1][0] if genes else "",
                match[0],
                short_protein(f"p.{protein[1]}") if protein else "?" if match["fusion"] else None,
                float(percent[1]) / 100 if percent else None,
                " ".join(text[start:end].split()),
            )
        )
        done = end
    return found
