"""Rows of benchmarks/results/notes.json."""

from __future__ import annotations

import json
import math
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from reader import reference
from results import Row

from alignment.noise import Noise
from modalities import assets
from modalities.notes.lm import adapter as adapters
from modalities.notes.lm.author import SHIPPED
from modalities.notes.lm.generate import MIN_SHARE, TEMPERATURE
from note import bare, judged, written
from note.rates import COMMAND, share
from note.written import KIND, SEED, Sample

FIRST, REPAIRED, FALLBACK, VERBATIM = 0.95, 0.995, 0.02, 0.02
SPEED, MEMORY_GB = 0.6, 3.0
ALONE = 10
_REFERENCES, _EXAMPLES = 60, 8
_AGAINST = {
    "language model": "{} reports of the visits of part truth",
    "grammar": "{} reports of the same visits",
    "real": "{} real chest radiograph reports (Indiana), for scale",
}


def _true(sample: Sample, text: str) -> bool:
    return not judged.faults(sample.plan, sample.prior, text)


def truth_rows() -> list[Row]:
    """By the judge, on combinations that training never saw: before and after repair."""
    samples, _ = written.samples(written.number())
    n = len(samples)
    first = sum(s.tries[0].report is not None and _true(s, s.tries[0].report.text) for s in samples)
    final = sum(_true(s, s.final) for s in samples)
    fell = sum(s.fell_back for s in samples)
    grammar = sum(_true(s, KIND.by_grammar(s.said).text) for s in samples)
    read = sum(not s.tries[0].faults for s in samples)
    of = f"{n} visits of seed {SEED}"
    rows = [
        share("first drafts true, by the judge", first, n, "truth", target=f">= {FIRST}",
              met=first >= FIRST * n, against=of),
        share("first drafts true, by the read-back", read, n, "truth", against=of),
        share("reports true after repair, by the judge", final, n, "truth",
              target=f">= {REPAIRED}", met=final >= REPAIRED * n, against=of),
        share("reports that the grammar had to write", fell, n, "truth",
              target=f"<= {FALLBACK}", met=fell <= FALLBACK * n, against=of),
        share("grammar's own reports true, by the judge: its reading errors", grammar, n, "truth",
              against=of),
    ]  # fmt: skip
    kinds = Counter(fault.kind for s in samples for fault in s.tries[0].faults)
    rows += [
        Row(
            f"faults of first drafts: {kind}",
            kinds[kind] / n,
            "a draft",
            COMMAND + "truth",
            against="by the read-back",
        )
        for kind in ("contradicts", "omits", "invents")
    ]
    return rows


def base_rows() -> list[Row]:
    """The base model without adapter, for comparison."""
    true, reports, asked = bare.first_drafts()
    against = f"instructed in its chat template, with an example; {reports} have two sections"
    return [share("base model without adapter: first drafts true, by the judge", true, asked,
                  "base", against=against)]  # fmt: skip


def disagreement_rows() -> list[Row]:
    """Read-back against judge, draft by draft; examples go to docs/figures.

    Drafts on which they disagree first, then such as both refuse; one of a visit, for redraws
    repeat themselves.
    """
    samples, _ = written.samples(written.number())
    table: Counter[tuple[bool, bool]] = Counter()
    examples: list[tuple[bool, str]] = []
    for s in samples:
        mine: list[tuple[bool, str]] = []
        for one in s.tries:
            if one.report is None:
                continue
            against = judged.faults(s.plan, s.prior, one.report.text)
            table[not one.faults, not against] += 1
            if one.faults or against:
                said = "; ".join(str(f) for f in one.faults) or "true"
                mine.append((
                    bool(one.faults) == bool(against),
                    f"plan:\n{KIND.prompt(s.said).rstrip()}\ndraft:\n{body(one.report.text)}\n"
                    f"read-back: {said}\njudge: {'; '.join(against) or 'true'}",
                ))  # fmt: skip
        examples += sorted(mine)[:1]
    n, apart = sum(table.values()), table[True, False] + table[False, True]
    head = f"{apart} of {n} drafts on which read-back and judge disagree; then some both refuse."
    told = [text for _, text in sorted(examples, key=lambda example: example[0])[:_EXAMPLES]]
    written.page(
        Path("docs/figures/notes-disagreement.txt"),
        ("\n" + "-" * 80 + "\n").join([head, *told]) + "\n",
    )
    of = f"{n} drafts and redraws of {len(samples)} visits"
    return [
        share(f"drafts that {name}", table[key], n, "disagreement", against=of)
        for name, key in (
            ("read-back and judge both call true", (True, True)),
            ("both call faulty", (False, False)),
            ("only the judge calls faulty", (True, False)),
            ("only the read-back calls faulty", (False, True)),
        )
    ]


def body(text: str) -> str:
    """Findings and impression of a report."""
    upper = text.upper()
    return text[upper.index("FINDINGS:") + len("FINDINGS:") :].strip()


def distinct(texts: Sequence[str], n: int) -> float:
    """Distinct n-grams over all n-grams."""
    grams = [tuple(words[i : i + n]) for words in (t.lower().split() for t in texts)
             for i in range(len(words) - n + 1)]  # fmt: skip
    return len(set(grams)) / max(len(grams), 1)


def self_bleu(texts: Sequence[str], n: int = 4) -> float:
    """Mean BLEU-4 of each text against the others; 1 where all are alike."""
    words = [t.lower().split() for t in texts]
    counts = [
        [Counter(tuple(w[i : i + k]) for i in range(len(w) - k + 1)) for k in range(1, n + 1)]
        for w in words
    ]
    scores = []
    for mine, own in enumerate(counts):
        logs = []
        for k in range(n):
            most: Counter[tuple[str, ...]] = Counter()
            for other, found in enumerate(counts):
                if other != mine:
                    most |= found[k]
            hits = sum(min(c, most[gram]) for gram, c in own[k].items())
            logs.append(math.log(max(hits, 1e-9) / max(sum(own[k].values()), 1)))
        scores.append(math.exp(sum(logs) / n))
    return float(np.mean(scores))


def diversity_rows() -> list[Row]:
    """Beside the grammar alone on the same visits, and real reports of another examination."""
    samples, _ = written.samples(written.number())
    own = [s for s in samples if not s.fell_back]
    model = [body(s.final) for s in own]
    grammar = [body(KIND.by_grammar(s.said).text) for s in own]
    rows = []
    for name, texts in (("language model", model), ("grammar", grammar), ("real", _real())):
        against = _AGAINST[name].format(min(len(texts), _REFERENCES))
        rows += [
            Row(f"distinct-{n}, {name}", distinct(texts[:_REFERENCES], n), "share",
                COMMAND + "diversity", against=against)
            for n in (1, 2, 3)
        ]  # fmt: skip
        rows.append(Row(f"self-BLEU, {name}", self_bleu(texts[:_REFERENCES]), "1",
                        COMMAND + "diversity", against=against))  # fmt: skip
    same = len(model) - len(set(model))
    rows.append(Row("reports of two patients that are alike", same, "reports",
                    COMMAND + "diversity", target="0", met=same == 0))  # fmt: skip
    seen = _training_texts()
    copies = sum("\n".join(_parts(text)) in seen for text in model)
    rows.append(share("verbatim training reports", copies, len(model), "diversity",
                      against="all its training samples, as they are worded today",
                      target=f"<= {VERBATIM}", met=copies <= VERBATIM * len(model)))  # fmt: skip
    return rows


def _real() -> list[str]:
    """Findings and impressions of real radiograph reports, chosen by id; none leaves this part."""
    reports = reference.read(assets.real_reports())
    order = Noise(SEED, "benchmark.real").generator(0).permutation(len(reports))
    return [reports[int(place)].said for place in order[:_REFERENCES]]


def _parts(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    return [line for line in lines if not line.upper().startswith("IMPRESSION:")]


def _training_texts() -> set[str]:
    """All reports that the adapter under test was trained on, as today's grammar words them."""
    folder = Path(written.adapter() or SHIPPED)
    card = json.loads((folder / adapters.CARD).read_text(encoding="utf-8"))
    texts = set()
    while card:
        config = card["config"]
        for index in range(card["steps"] * config["batch"]):
            target = KIND.pair(KIND.sample(config["seed"], index)).target
            texts.add("\n".join(line for line in target.splitlines() if line.strip()))
        card = card.get("before")
    return texts


def speed_rows() -> list[Row]:
    """Reports a second in batch, beside plain ``generate`` one at a time; peak memory."""
    samples, taken = written.samples(written.number())
    rate = len(samples) / taken.clock
    alone = _one_at_a_time(samples[:ALONE])
    cores = len(os.sched_getaffinity(0))
    return [
        Row("CT reports a second, in batch with redraws", rate, "reports/s", COMMAND + "speed",
            target=f">= {SPEED}", met=rate >= SPEED,
            against=f"{len(samples)} visits, {cores} cores"),
        Row("drafts a second, in batch, up to the one that is kept",
            sum(len(s.tries) for s in samples) / taken.clock, "drafts/s", COMMAND + "speed"),
        Row("processor seconds a report; two free cores give two such seconds a second",
            taken.worked / len(samples), "s", COMMAND + "speed"),
        Row("drafts a second, plain generate one at a time", alone, "drafts/s",
            COMMAND + "speed", against=f"{ALONE} of these visits, the same weights and sampling"),
        Row("reports a second over drafts a second of plain generate", rate / alone, "times",
            COMMAND + "speed"),
        Row("peak memory while writing", taken.peak, "GB", COMMAND + "speed",
            target=f"<= {MEMORY_GB}", met=taken.peak <= MEMORY_GB),
    ]  # fmt: skip


def _one_at_a_time(samples: Sequence[Sample]) -> float:
    """Drafts a second of ``generate``: same weights and sampling, all its threads, no batch."""
    import torch

    from modalities.notes.lm import base

    model = base.load()
    adapters.merge(Path(written.adapter() or SHIPPED), model)
    start = time.perf_counter()
    with torch.random.fork_rng():  # generate takes no generator of its own
        torch.manual_seed(SEED)
        for s in samples:
            ids = model.tokenizer(KIND.prefix + KIND.prompt(s.said), return_tensors="pt")
            model.model.generate(
                **ids, max_new_tokens=400, do_sample=True, temperature=TEMPERATURE,
                min_p=MIN_SHARE, top_k=0, top_p=1.0,
            )  # fmt: skip
    return len(samples) / (time.perf_counter() - start)
