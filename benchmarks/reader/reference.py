"""3,955 real chest reports with expert tags: text, what the tags say, and which half.

Indiana University Chest X-ray Collection, CC BY-NC-ND 4.0 (Demner-Fushman et al. 2016,
doi:10.1093/jamia/ocv080), as torchxrayvision carries it: read in place, never trained on, never
copied. Only counts and report ids leave this module's callers.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import yaml

MAP = Path(__file__).parent / "tags.yaml"
NOT_INDEXED = "no indexing"
"""Tag of a report that the experts did not index; it says nothing about what is present."""
_SIDES = {"right", "left", "bilateral"}


@dataclass(frozen=True)
class Report:
    """``text``: with its section headers; ``said``: findings and impression alone.

    ``sides``: of each finding that the tags give one, right, left or bilateral.
    """

    id: str
    text: str
    said: str
    present: frozenset[str]
    sides: dict[str, set[str]]

    @property
    def half(self) -> str:
        """``tuning`` or ``reported``, by the parity of the id's sha256."""
        digest = hashlib.sha256(self.id.encode()).hexdigest()
        return "tuning" if int(digest, 16) % 2 == 0 else "reported"


def findings_of(tag: str, rules: dict[str, list[dict[str, list[str]]]]) -> set[str]:
    """Findings that one tag stands for."""
    head, *rest = (part.strip().lower() for part in tag.split("/"))
    qualifiers = set(rest)
    return {
        finding
        for finding, alternatives in rules.items()
        if any(_fits(head, qualifiers, rule) for rule in alternatives)
    }


def _fits(head: str, qualifiers: set[str], rule: dict[str, list[str]]) -> bool:
    lower = {key: {value.lower() for value in values} for key, values in rule.items()}
    if head not in lower["heads"]:
        return False
    if "any" in lower and not qualifiers & lower["any"]:
        return False
    excluded = qualifiers & lower.get("none", set())
    return not excluded or bool(qualifiers & lower.get("unless", set()))


def read(archive: Path) -> list[Report]:
    """Every report that has text and was indexed, by id."""
    rules = yaml.safe_load(MAP.read_text(encoding="utf-8"))
    reports = []
    with tarfile.open(archive) as packed:
        for member in packed:
            stream = packed.extractfile(member) if member.name.endswith(".xml") else None
            if stream is not None:
                report = _report(ElementTree.parse(stream).getroot(), rules)
                if report is not None:
                    reports.append(report)
    return sorted(reports, key=lambda report: report.id)


def left_out(archive: Path) -> dict[str, int]:
    """How many reports have no text, and how many of the others were not indexed."""
    counts = {"no findings or impression": 0, "not indexed": 0}
    with tarfile.open(archive) as packed:
        for member in packed:
            stream = packed.extractfile(member) if member.name.endswith(".xml") else None
            if stream is None:
                continue
            root = ElementTree.parse(stream).getroot()
            said = [p.text or "" for p in root.iter("AbstractText")
                    if p.get("Label") in ("FINDINGS", "IMPRESSION")]  # fmt: skip
            tags = [(part.text or "").lower() for part in root.iter("major")]
            if not "".join(said).strip():
                counts["no findings or impression"] += 1
            elif NOT_INDEXED in tags:
                counts["not indexed"] += 1
    return counts


def _report(
    root: ElementTree.Element, rules: dict[str, list[dict[str, list[str]]]]
) -> Report | None:
    sections = {part.get("Label", ""): part.text or "" for part in root.iter("AbstractText")}
    tags = tuple(part.text or "" for part in root.iter("major"))
    indexed = all(tag.lower() != NOT_INDEXED for tag in tags)
    if not indexed or not (sections.get("FINDINGS", "") + sections.get("IMPRESSION", "")).strip():
        return None
    identifier = root.find("uId")
    if identifier is None:
        return None
    text = "\n".join(f"{label}: {body}" for label, body in sections.items() if body.strip())
    said = " ".join(f"{sections.get('FINDINGS', '')} {sections.get('IMPRESSION', '')}".split())
    sides: dict[str, set[str]] = {}
    present: set[str] = set()
    for tag in tags:
        findings = findings_of(tag, rules)
        present |= findings
        for side in _SIDES & set(tag.lower().split("/")):
            for finding in findings:
                sides.setdefault(finding, set()).add(side)
    return Report(identifier.attrib["id"], text + "\n", said, frozenset(present), sides)


def commonest(reports: list[Report], n: int, *, hardware: bool = False) -> list[str]:
    """The n findings present in most reports; hardware is one only where asked for."""
    counts = Counter(f for r in reports for f in r.present if hardware or f != "hardware")
    return [finding for finding, _ in counts.most_common(n)]
