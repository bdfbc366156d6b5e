"""Put the measured rows into README and docs, between their markers. ``--check`` only compares.

python benchmarks/readme.py
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DOCS = ("author", "disease", "imaging", "reader")
PAGES = (ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in DOCS))


def table(names: list[str]) -> str:
    """A Markdown table of the rows of some result files, or of one part of them (NAME/PART)."""
    lines = ["| Measured | Value | Target | Met | Command |", "|---|---|---|---|---|"]
    for name in names:
        name, _, part = name.partition("/")
        for row in json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")):
            if part and row["part"] != part:
                continue
            span = f" ({row['low']:.4g} to {row['high']:.4g})" if row["low"] is not None else ""
            unit = "" if row["unit"] == "1" else f" {row['unit']}"
            value = f"{row['value']:.4g}{unit}{span}"
            against = f"; {row['against']}" if row["against"] else ""
            met = {True: "yes", False: "**no**", None: ""}[row["met"]]
            target = "" if row["target"] is None else row["target"]
            lines.append(
                f"| {row['name']}{against} | {value} | {target} | {met} | `{row['command']}` |"
            )
    return "\n".join(lines)


def filled(text: str) -> str:
    """A page with every measured block renewed."""
    return re.sub(
        r"(<!-- measured: ([\w/ ]+) -->\n).*?(<!-- end -->)",
        lambda m: m[1] + table(m[2].split()) + "\n" + m[3],
        text,
        flags=re.DOTALL,
    )


def main() -> None:
    differ = []
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        if filled(text) == text:
            continue
        differ.append(path.name)
        if "--check" not in sys.argv:
            path.write_text(filled(text), encoding="utf-8")
    if differ and "--check" in sys.argv:
        raise SystemExit(f"{', '.join(differ)}: not what benchmarks/results say")


if __name__ == "__main__":
    main()
