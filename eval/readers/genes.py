"""Reads which genes a sentence names altered, and which it denies any alteration of."""

from __future__ import annotations

import re

from eval.readers.denial import GENES as GENE_CUES
from eval.readers.denial import denies, judged
from eval.readers.prose import plain
from eval.readers.wording import phrases

GENES = (
    "EGFR", "ALK", "ROS1", "BRAF", "KRAS", "MET", "RET", "ERBB2", "NTRK1", "NTRK2", "NTRK3",
    "TP53", "STK11", "KEAP1", "SMARCA4", "CDKN2A", "RB1", "PIK3CA", "NF1",
)  # fmt: skip
DRIVER_GENES = GENES[:11]
GENE = re.compile(
    rf"(?<![\w-])(?:{'|'.join(GENES)})(?!\w|-(?!mut|pos|neg|rearr|alter|fus|driv|wild|amp|sens))"
)
_HER2 = re.compile(r"\bHER2\b|\bHER-2\b")
_CHANGED = r"[A-Z*]\d{2,4}(?:[A-Z*_]\w*\*?|(?:del|dup|ins|fs)\w*)(?![>\w])"
_NEXT = re.compile(rf"(?<![\w-])({'|'.join(DRIVER_GENES)}) (?:p\.)?(?!NM_)({_CHANGED})(?!\))")
"""The gene, and right after it the protein change in one-letter code."""
_CHANGE = re.compile(rf"(?<![\w.>])(?:p\.)?\(?({_CHANGED})")
_OF_GENE = re.compile(r"^\)?(?:[\s-]+\w+){0,2}[\s-]+(?:in|of|within|affecting)(?: the)? ")
_ROW = re.compile(r"\bNM_\d|\bc\.[\d*-]")
_FUSED = re.compile(
    r"\b([A-Z][A-Z0-9]*)(?:::|-|/)(ALK|ROS1|RET|NTRK[123])(?![\w:-])(?P<word> (?:gene )?"
    r"(?:fusion|rearrang|translocat))?"
)
_FUSION_OF = re.compile(
    r"\b(?:[Ff]usion|[Rr]earrangement|[Tt]ranslocation) "
    r"(?:of|between|involving|joining|linking) ([A-Z][A-Z0-9]*) "
    r"(?:and|with|to) (ALK|ROS1|RET|NTRK[123])\b"
)
_FUSION_WORD = re.compile(r"\bfus(?:ion|ed)|\brearrang|\btranslocat", re.IGNORECASE)
_SKIPPED = re.compile(
    r"\bMET ?(?:exon[- ]?14|ex14)\b|\bMETex14\b|\bexon[- ]14[- ]skipping"
    r"|\bskipping of (?:MET )?exon 14|\bMETΔ(?:ex)?14"
)
_FOUND = re.compile(r"\b(?:was|were|is|are) (?:detected|identified|found|present|seen)\b")
_NO = re.compile(r"\b(?:no|not|none|without|negative|neither|absence|free)\b", re.IGNORECASE)
_WILD = re.compile(rf"\bwild[- ]?type (?:for )?(?=(?:{'|'.join(GENES)})\b)", re.IGNORECASE)


def named_alterations(sentence: str, report: bool = False) -> list[str]:
    """Alterations that a sentence states by their short names: EGFR L858R, EML4-ALK, MET exon 14
    skipping.

    ``report``: of a molecular report, in which a row of the table names nothing, and a pair of
    genes is a fusion only where it is called one.
    """
    text = _HER2.sub("ERBB2", sentence)
    found: list[tuple[int, int, str]] = []
    for match in _SKIPPED.finditer(text):
        found.append((*match.span(), "MET exon 14 skipping"))
    found += [(*m.span(), f"{m[1]} {m[2]}") for m in _NEXT.finditer(text)]
    if not _ROW.search(text):
        found += _loose(text, [end for _, end, _ in found])
    called = _FUSION_WORD.search(text) and "%" not in text
    for match in _FUSED.finditer(text):
        pair = match[1] not in GENES and match[1] not in ("PD", "NON", "ANTI")
        if pair and (match["word"] or called or not report):
            found.append((*match.span(), f"{match[1]}-{match[2]}"))
    found += [(*m.span(), f"{m[1]}-{m[2]}") for m in _FUSION_OF.finditer(text)]
    stated = [name for start, end, name in sorted(found) if not _denied(text, start, end)]
    return list(dict.fromkeys(stated))


def _loose(text: str, taken: list[int]) -> list[tuple[int, int, str]]:
    """Changes that do not follow their gene at once: "EGFR exon 21 L858R", "G12C of KRAS"."""
    found = []
    for match in _CHANGE.finditer(text):
        if match.end() in taken:
            continue
        first = text.rfind(";", 0, match.start()) + 1
        after = _OF_GENE.match(text[match.end() :])
        gene = GENE.match(text, match.end() + after.end()) if after else None
        if gene is None:
            before = list(GENE.finditer(text, first, match.start()))
            gene = before[-1] if before else GENE.search(text, match.end())
        if gene is not None and gene[0] in DRIVER_GENES:
            found.append((*match.span(), f"{gene[0]} {match[1]}"))
    return found


def _denied(text: str, start: int, end: int) -> bool:
    """Whether a cue before it, or one right after it, denies an alteration."""
    rest = re.split(r"[,;(]|\band\b|\bwith\b", text[end:])[0]
    words = re.compile(re.escape(text[start:end]))
    return any(
        denied for m, denied in judged(text[:end] + rest, words, GENE_CUES) if m.start() == start
    )


def denied_genes(sentence: str) -> list[str]:
    """Genes of which a sentence says that nothing was found; not those with a named change."""
    text = _WILD.sub("negative for ", _HER2.sub("ERBB2", sentence))
    found = _FOUND.search(text)
    if found and not _NO.search(text, 0, found.start()):
        text = f"{text[: found.end()]} ; {text[found.end() :]}"
    return [
        match[0]
        for match, denied in judged(text, GENE, GENE_CUES)
        if denied and not _CHANGE.match(text[match.end() :].lstrip(" ("))
    ]


_NO_DRIVER = re.compile(
    r"\bdriver[- ]negative|\bdriver\b[^,]*\bunknown\b"
    r"|\bnothing (?:actionable|targetable|druggable)"
)
_ALL_WILD = re.compile(
    r"\b(?:panel|sequencing|assay|analysis|test|testing|ngs|profiling)\b[^;,]*"
    r"\b(?:negative|unremarkable|normal)\b|\ball (?:the )?(?:\w+ )?genes\b[^;,]*\bwild[- ]?type"
    r"|\bwild[- ]?type for all\b|\bnothing (?:reportable|of note)|\bnegative molecular"
)


def denied_all(sentence: str) -> tuple[bool, bool]:
    """Whether a sentence denies every alteration; whether it denies a driver."""
    nothing = driver = False
    for part in sentence.split(";"):
        said = plain(part)
        if GENE.search(part) or phrases("narrow").search(said):
            continue
        if denies(said, phrases("driving")) or _NO_DRIVER.search(said):
            driver = True
        elif denies(said, phrases("alteration")) or _ALL_WILD.search(said):
            nothing = True
    return nothing, driver
