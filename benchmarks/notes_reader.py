"""The judge's readers on real reports with expert tags, and on paraphrases of clinical sentences.

python benchmarks/notes_reader.py

Writes benchmarks/results/notes_reader.json. Needs ``make assets``: 3,955 Indiana University
reports, CC BY-NC-ND 4.0, of which only counts and ids are published. The reader was tuned on one
half of them, by the sha256 of the report id; the figures are of the other half unless they say so.
The causes of disagreement were judged by the reader's author, who saw which side said what.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import yaml
from reader import baselines, paraphrases
from reader.measure import Comparison, Counts, binomial
from reader.reference import Report, commonest, left_out, read
from results import Row, write

from eval.readers.findings import ChestFinding, read_findings, stated_findings
from modalities import assets

COMMAND = "python benchmarks/notes_reader.py"
GOAL = 0.90
CAUSES = Path(__file__).parent / "reader" / "causes.yaml"


def headline(
    name: str, compared: Comparison, chosen: Sequence[str], goal: bool = False, part: str = "reader"
) -> Row:
    counts = compared.counts(chosen)
    low, high = compared.f1_interval(chosen)
    return Row(
        name,
        counts.f1(),
        "1",
        COMMAND,
        low,
        high,
        target=f">= {GOAL:.2f}" if goal else None,
        met=counts.f1() >= GOAL if goal else None,
        against=f"precision {counts.precision():.3f}, recall {counts.recall():.3f}; "
        f"{len(compared.tagged)} reports, {counts.hit} agreed, {counts.extra} extra, "
        f"{counts.missed} missed",
        part=part,
    )


def finding_rows(compared: Comparison, ten: Sequence[str]) -> list[Row]:
    rows = []
    by_tags = sorted(compared.findings, key=lambda f: -_tagged(compared.counts([f])))
    for finding in by_tags:
        counts = compared.counts([finding])
        low, high = compared.f1_interval([finding])
        name = finding.replace("_", " ")
        rows.append(
            Row(
                f"{name}: F1",
                counts.f1(),
                "1",
                COMMAND,
                low,
                high,
                against=f"{'one of the ten; ' if finding in ten else ''}"
                f"{_tagged(counts)} tagged, {counts.extra} extra, {counts.missed} missed",
                part="findings",
            )
        )
        for kind, value, n in (
            ("precision", counts.precision(), counts.hit + counts.extra),
            ("recall", counts.recall(), counts.hit + counts.missed),
        ):
            span = binomial(counts.hit, n)
            rows.append(Row(f"{name}: {kind}", value, "1", COMMAND, *span, part=kind))
    return rows


def _tagged(counts: Counts) -> int:
    return counts.hit + counts.missed


def side_row(reports: Sequence[Report]) -> Row:
    """Where the tags of a finding agree on a side and so do its mentions."""
    right = total = 0
    for report in reports:
        for finding, tagged in report.sides.items():
            stated = {f.side for f in read_findings(report.text) if _sided(f, finding)}
            if len(tagged) == 1 and len(stated) == 1:
                total += 1
                right += stated == tagged
    return Row(
        "side as tagged, where both give one",
        right / total,
        "1",
        COMMAND,
        *binomial(right, total),
        against=f"n = {total}",
        part="reader",
    )


def _sided(found: ChestFinding, finding: str) -> bool:
    return found.stated and found.finding == finding and found.side is not None


def cause_rows(
    reports: Sequence[Report], stated: Sequence[frozenset[str]], ten: Sequence[str]
) -> list[Row]:
    """Every disagreement of the tuning half about the ten, by its cause."""
    left = {
        (report.id, finding)
        for report, found in zip(reports, stated, strict=True)
        for finding in (report.present ^ found) & set(ten)
    }
    everything, rows = len(left), []
    for cause, findings in yaml.safe_load(CAUSES.read_text(encoding="utf-8")).items():
        pairs = {(i, finding) for finding, ids in findings.items() for i in ids} & left
        left -= pairs
        ids = ", ".join(sorted({i for i, _ in pairs}, key=lambda i: int(i[3:])))
        rows.append(_cause(cause, len(pairs), everything, ids))
    return [*rows, _cause("not judged", len(left), everything, None)]


def _cause(name: str, n: int, of: int, ids: str | None) -> Row:
    title = f"disagreements on the tuning half, judged unblinded by the reader's author: {name}"
    return Row(title, n, f"of {of}", COMMAND, against=ids, part="causes")


SENTENCES = {
    "tuning": "single sentences of our own; the readers were changed until they read them",
    "blind": "single sentences by a writer who had seen no reader; measured once, readers not "
    "changed for them",
}


def paraphrase_rows() -> list[Row]:
    """By set and kind: the share of sentences that is read right in all that it says."""
    rows = []
    for name, origin in SENTENCES.items():
        for kind, judged in paraphrases.judged(name).items():
            right = sum(ok for _, ok in judged)
            rows.append(
                Row(
                    f"{kind} sentences of the {name} set read right",
                    right / len(judged),
                    "1",
                    COMMAND,
                    *binomial(right, len(judged)),
                    against=f"{right} of {len(judged)} {origin}",
                    part="paraphrases",
                )
            )
    return rows


def left_out_rows(archive: Path) -> list[Row]:
    """Reports that are not measured, and why."""
    return [
        Row(f"reports left out: {why}", n, "", COMMAND, part="left_out")
        for why, n in left_out(archive).items()
    ]


def speed_row(reports: Sequence[Report]) -> Row:
    rates = []
    for _ in range(3):
        start = time.process_time()
        for report in reports:
            read_findings(report.text)
        rates.append(len(reports) / (time.process_time() - start))
    return Row(
        "reports a second of processor time, one core",
        sorted(rates)[1],
        "1/s",
        COMMAND,
        min(rates),
        max(rates),
        part="reader",
    )


def main() -> None:
    archive = assets.real_reports()
    reports = read(archive)
    ten, strict = commonest(reports, 10), commonest(reports, 10, hardware=True)
    findings = sorted({f for report in reports for f in report.present})
    halves = {h: [r for r in reports if r.half == h] for h in ("tuning", "reported")}
    tuning, reported = halves["tuning"], halves["reported"]

    def compared(reader: baselines.Reader, which: Sequence[Report]) -> Comparison:
        return Comparison.of(which, [reader(r.text) for r in which], findings)

    ours = compared(stated_findings, reported)
    known = {report.said for report in tuning}
    unseen = [report for report in reported if report.said not in known]
    lesions = compared(baselines.lesion_reader, reported)
    shadows = baselines.merged(reported)
    shadow = Comparison.of(
        shadows, [baselines.radiograph_reader(r.text) for r in shadows], baselines.SHADOWS
    )
    write(
        "notes_reader",
        [
            headline("ten commonest findings, micro F1", ours, ten, goal=True, part="goal"),
            headline("the ten: plain negspacy on the same mentions",
                     compared(baselines.plain_negspacy(True), reported), ten, part="goal"),
            headline("the reader of our CT reports: nodule or mass",
                     lesions, ["nodule"], part="goal"),
            headline("the ten with hardware among them, micro F1", ours, strict),
            headline(f"all {len(findings)} findings, micro F1", ours, findings),
            headline("the ten: without texts that are in both halves",
                     compared(stated_findings, unseen), ten),
            headline("the ten: on the half it was tuned on",
                     compared(stated_findings, tuning), ten),
            headline("the ten: possible explanations counted",
                     compared(baselines.without_hedges, reported), ten),
            headline("the ten: plain negspacy, headers left in the text",
                     compared(baselines.plain_negspacy(False), reported), ten),
            headline("the ten: no negation",
                     compared(baselines.without_judgement, reported), ten),
            headline("the reader of our CT reports: effusion", lesions, ["effusion"]),
            *(headline(f"the reader of our radiograph reports: {name}", shadow, [name])
              for name in baselines.SHADOWS),
            side_row(reported),
            speed_row(reported),
            *paraphrase_rows(),
            *left_out_rows(archive),
            *finding_rows(ours, ten),
            *cause_rows(tuning, [stated_findings(r.text) for r in tuning], ten),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
