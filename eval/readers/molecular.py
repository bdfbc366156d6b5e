"""Reads a molecular pathology report: variants by their HGVS names, genes without any, markers."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field

from eval.readers.genes import GENE, denied_all, denied_genes, named_alterations
from eval.readers.markers import read_band, read_tmb, read_tps
from eval.readers.person import Person, read_person
from eval.readers.prose import find_dates, plain, sentences
from eval.readers.wording import phrases
from eval.reference import fusion_pair, short_protein

_CODING = re.compile(
    r"(?P<hgvs>NM_\d+\.\d+(?:\([A-Z0-9]+\))?: ?c\.[\w>*+=-]+)"
    r"|(?P<bare>(?<![\w:.])c\.[\d*-][\w>*+=-]+)"
    r"|(?P<fusion>\b[A-Z][A-Z0-9]*(?:::|-)(?:ALK|ROS1|RET|NTRK[123])(?::E\d+;[A-Z]\d+)?)"
)
_AMINO = "Ala|Arg|Asn|Asp|Cys|Gln|Glu|Gly|His|Ile|Leu|Lys|Met|Phe|Pro|Ser|Thr|Trp|Tyr|Val"
_PROTEIN = re.compile(
    rf"p\.\(?([A-Za-z0-9_*=?]+)\)?|\b((?:{_AMINO})\d+(?:{_AMINO}|Ter|\*|[_\w]*))"
    r"|(?<![\w.>])([A-Z]\d{2,4}[A-Z*])(?![\w>])"
)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s?(?:%|per ?cent)")
_BUILD = re.compile(r"\b(?:GRCh|hg|[Bb]uild|b) ?(\d{2})\b")
_BUILDS = {"18": 36, "19": 37}
_FRACTION = re.compile(
    r"(?:\bVAF|\bAF|\ballel\w+ (?:fraction|frequency))\b[^\d;%]{0,20}(0?\.\d+)\b(?! ?%)",
    re.IGNORECASE,
)
_ABSENT = re.compile(r"^[^;|,]{0,30}\b(?:not (?:detected|found|seen|present|identified)|absent)\b")


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
        _read_sentence(sentence, reading)
    return reading


def _read_sentence(sentence: str, reading: MolecularReading) -> None:
    said = plain(sentence)
    reading.negative += denied_genes(sentence)
    nothing, no_driver = denied_all(sentence)
    reading.nothing = reading.nothing or nothing
    reading.no_driver = reading.no_driver or no_driver
    if (tps := read_tps(sentence)) is not None:
        reading.tps = tps
    reading.band = read_band(sentence) or reading.band
    if (tmb := read_tmb(sentence)) is not None:
        reading.tmb, reading.decimals = tmb
    names = named_alterations(sentence, report=True)
    reading.named += names
    reading.resistance += names if phrases("resistance").search(said) else []
    reading.driving += names if re.search(r"\bdrivers?\b", said) else []


def same_coding(stated: str, held: str) -> bool:
    """Whether two coding names are the same; of fusions the pair, and the exons where both tell.

    A name without its transcript is compared without: the gene is compared on its own.
    """
    pairs = fusion_pair(stated), fusion_pair(held)
    if None in pairs:
        return stated == held or stated == held.rpartition(":")[2]
    exons = [name.partition(":E")[2] for name in (stated, held)]
    return pairs[0] == pairs[1] and (not all(exons) or exons[0] == exons[1])


def _variants(text: str) -> list[VariantFact]:
    """Each coding name or fusion, with the gene before it (or else after), and what is around."""
    codings = list(_CODING.finditer(text))
    full = {m["hgvs"].rpartition(":")[2].strip() for m in codings if m["hgvs"]}
    codings = [m for m in codings if m["bare"] not in full]
    found = []
    done = 0
    for i, match in enumerate(codings):
        first = max(done, text.rfind("\n", 0, match.start()) + 1)
        last = text.find("\n", match.end())
        last = last if last >= 0 else len(text)
        if i + 1 < len(codings):
            last = min(last, codings[i + 1].start())
        fact, end = _variant(text, match, first, last)
        if fact is not None:
            found.append(fact)
            done = end
    return found


def _variant(
    text: str, match: re.Match[str], first: int, last: int
) -> tuple[VariantFact | None, int]:
    """One variant and where its words end, between two characters of the text."""
    genes = list(GENE.finditer(text, first, match.start()))
    gene = genes[-1] if genes else None if match["fusion"] else GENE.search(text, match.end(), last)
    percent = _PERCENT.search(text, match.end(), last)
    share = _FRACTION.search(text, match.end(), last)
    if (match["fusion"] and not (percent or share)) or _ABSENT.search(text[match.end() : last]):
        return None, 0  # the conclusion names it again; or what was looked for
    start = genes[-1].start() if genes else match.start()
    end = (percent or share or match).end()
    around = text[start:end].replace(match[0], " ")
    protein = _PROTEIN.search(around) or _PROTEIN.search(text[end:last].split(";")[0])
    change = next((group for group in protein.groups() if group), None) if protein else None
    vaf = float(percent[1]) / 100 if percent else float(share[1]) if share else None
    return VariantFact(
        gene[0] if gene else "",
        re.sub(r"\([A-Z0-9]+\)| ", "", match["hgvs"] or match[0]),
        short_protein(f"p.{change}") if change else "?" if match["fusion"] else None,
        vaf,
        " ".join(text[start:end].split()),
    ), end
