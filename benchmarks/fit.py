"""Fit the rates of docetaxel and of platinum with pemetrexed to three study arms.

python benchmarks/fit.py [--patients 12000] [--iterations 5]

Prints the numbers to write into configs/diseases/nsclc/course.yaml.
"""

from __future__ import annotations

import argparse

from arms import fitted

from ontology.knowledge import KnowledgeGraph


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=12_000)
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--seed", type=int, default=2024)
    options = parser.parse_args()
    found = fitted(KnowledgeGraph.load("nsclc"), options.patients, options.seed, options.iterations)
    for path, value in found.values.items():
        print(f"{path}: {value:.6g}")
    for target, residual, row in zip(found.targets, found.residuals, found.jacobian, strict=True):
        reached = found.reached[target.study][target.endpoint]
        print(f"{target.study} {target.endpoint}: {reached:.2f} (published "
              f"{target.published.value:g}), {residual:+.2f} standard errors; "
              f"derivatives {', '.join(f'{d:+.1f}' for d in row)}")  # fmt: skip
    print(f"{len(found.free)} free numbers, {len(found.targets)} targets, rank {found.rank}")


if __name__ == "__main__":
    main()
