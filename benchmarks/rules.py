"""Patient rules: violations in a dataset, seconds for 10,000 patients, agreement with pySHACL.

python benchmarks/rules.py DATASET
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

from results import Row

from alignment import schemas
from eval.dataset import Dataset
from eval.result import wilson
from eval.rules import RULES, check_rules

COMMAND = "python benchmarks/disease.py"
PATIENTS = 10_000
ORACLE = 200


def rules_rows(folder: Path) -> list[Row]:
    """Rules that do not hold in a dataset, and seconds to check 10,000 of its patients."""
    data = Dataset(folder)
    start = time.perf_counter()
    frames = {t.name: frame for t in schemas.OBSERVED if (frame := data.table(t)) is not None}
    reading = time.perf_counter() - start
    start = time.perf_counter()
    found = check_rules(frames)
    seconds = time.perf_counter() - start
    patients = len(frames["patients"])
    strict = [r for r in found if not r.rule.tolerance]
    broken = sum(len(r.violations) for r in strict)
    worst = max(strict, key=lambda r: len(r.violations))
    per = PATIENTS / patients * seconds
    rows = [
        Row("patient rules", len(RULES), "1", COMMAND, target=">= 25", met=len(RULES) >= 25),
        Row(f"rules broken, patients times rules, in {patients:,} patients", broken, "1", COMMAND,
            target="0", met=broken == 0,
            against=f"most often {worst.rule.name}" if broken else None),
        Row("rules: 10,000 patients checked", per, "s", COMMAND, target="< 10", met=per < 10,
            against=f"{patients:,} patients read in {reading:.1f} s"),
    ]  # fmt: skip
    for result in found:
        if result.rule.tolerance:
            count, limit = len(result.violations), result.rule.tolerance
            low, high = wilson(count, patients)
            rows.append(Row(f"share of patients: {result.rule.name}", count / patients, "1",
                            COMMAND, low=low, high=high, target=f"<= {limit:g}",
                            met=low <= limit))  # fmt: skip
    return rows


def disagreements(name: str, patients: int) -> int:
    """Of one rule: patients on whom predicate and pySHACL differ."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "eval"))
    import rule_agreement

    rule = next(rule for rule in RULES if rule.name == name)
    return len(rule_agreement.disagreements(rule, patients))


def oracle_rows(patients: int = ORACLE) -> list[Row]:
    """The same over all rules: ten minutes on two cores."""
    with ProcessPoolExecutor(2) as pool:
        wrong = sum(pool.map(disagreements, [r.name for r in RULES], repeat(patients)))
    return [
        Row("predicate and pySHACL differ, patients times rules", wrong, "1", COMMAND, target="0",
            met=wrong == 0, against=f"{patients} clean and {patients} broken for each rule"),
    ]  # fmt: skip


if __name__ == "__main__":
    for row in [*rules_rows(Path(sys.argv[1])), *oracle_rows()]:
        print(row)
