"""The judge's other readers on the same reports, and the dictionary without its judgement."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import spacy
from negspacy.negation import Negex, default_ts
from reader.reference import Report
from spacy.tokens import Span

from eval.readers.findings import read_findings
from eval.readers.mentions import Dictionary, spaced
from eval.readers.radiograph import SAME, read_radiograph
from eval.readers.report import read_report, statements

Reader = Callable[[str], frozenset[str]]


def without_judgement(text: str) -> frozenset[str]:
    """Every mention in findings and impression counts."""
    return frozenset(found.finding for found in read_findings(text))


def without_hedges(text: str) -> frozenset[str]:
    """Denials count, but a possible explanation or the past is as good as a statement."""
    return frozenset(found.finding for found in read_findings(text) if found.present)


LESION_WORDS = {
    "effusion": ("pleura", re.compile(r"effusion|fluid|h(?:a?e)?mothorax|hydro")),
    "nodule": ("lung", re.compile(r"\bnodul|\bmass")),
}


def lesion_reader(text: str) -> frozenset[str]:
    """What :func:`eval.readers.report.read_report`, which reads our CT reports, makes of it."""
    facts = [f for f in read_report(text) if f.present and f.certainty != "possible"]
    return frozenset(
        finding
        for finding, (site, words) in LESION_WORDS.items()
        if any(f.site == site and words.search(f.sentence.lower()) for f in facts)
    )


SHADOWS = tuple(SAME)
"""What the reader of radiograph reports tells apart: opacity (nodules too), effusion (and a blunted
angle), pneumothorax."""


def merged(reports: Sequence[Report]) -> list[Report]:
    """The reports with their tags merged into SHADOWS."""
    return [
        replace(r, present=frozenset(w for w, same in SAME.items() if r.present & set(same)))
        for r in reports
    ]


def radiograph_reader(text: str) -> frozenset[str]:
    """What :func:`eval.readers.radiograph.read_radiograph` makes of it."""
    return frozenset(fact.what for fact in read_radiograph(text) if fact.present)


def plain_negspacy(split: bool) -> Reader:
    """negspacy as it comes (en_clinical); ``split``: section headers split off first."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    dictionary = Dictionary(nlp)
    negex = Negex(nlp, "plain", default_ts, extension_name="plain", span_keys=["mentions"])

    def read(text: str) -> frozenset[str]:
        parts = [statement.text for statement in statements(text)] if split else [text]
        stated: set[str] = set()
        for doc in nlp.pipe(spaced(part) for part in parts):
            doc.spans["mentions"] = [
                Span(doc, mention.start, mention.end, label=mention.finding)
                for sentence in doc.sents
                for mention in dictionary.mentions(sentence)
            ]
            stated |= {s.label_ for s in negex(doc).spans["mentions"] if not s._.plain}
        return frozenset(stated)

    return read
