"""Twenty reports with the plan beside each, picked by seed, into docs/author.md."""

from __future__ import annotations

from pathlib import Path

from results import Row

from alignment.noise import Noise
from note import written
from note.written import KIND, SEED

MARK = "<!-- twenty reports: written by benchmarks/notes.py --parts pages -->"
TWENTY = 20


def page_rows() -> list[Row]:
    """Write the pages; no row of their own."""
    samples, _ = written.samples(written.number())
    rng = Noise(SEED, "benchmark.pages").generator(0)
    chosen = sorted(int(i) for i in rng.choice(len(samples), TWENTY, replace=False))
    blocks = []
    for place in chosen:
        s = samples[place]
        author = "grammar" if s.fell_back else "language model"
        blocks.append(
            f"### Visit {place}: {author}, {len(s.tries)} draft(s)\n\n"
            f"```text\n{KIND.prompt(s.said).rstrip()}\n```\n\n```text\n{s.final.rstrip()}\n```\n"
        )
    path = Path("docs/author.md")
    head = (written.ROOT / path).read_text(encoding="utf-8").partition(MARK)[0]
    written.page(path, head + MARK + "\n\n" + "\n".join(blocks))
    return []
