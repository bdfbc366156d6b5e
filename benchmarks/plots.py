"""Plots of the study arms for the README: docs/figures/*.png."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from cohort.study import MONTH, Arm, kaplan_meier

FOLDER = Path(__file__).parent.parent / "docs" / "figures"
NAMES = {"os": "overall survival", "pfs": "progression-free survival"}


def draw(arms: dict[str, Arm]) -> None:
    """Kaplan-Meier curves of the arms with the published medians and landmarks on them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, len(arms), figsize=(3.6 * len(arms), 6.4), sharey=True)
    for column, arm in enumerate(arms.values()):
        for row, endpoint in enumerate(("os", "pfs")):
            _panel(axes[row, column], arm, endpoint)
    for axis in axes[:, 0]:
        axis.set_ylabel("share without the event")
    axes[0, 0].legend(frameon=False, fontsize=8, loc="upper right")
    figure.tight_layout()
    figure.savefig(FOLDER / "arms.png", dpi=110, metadata={"Software": None})
    plt.close(figure)


def _panel(axis: plt.Axes, arm: Arm, endpoint: str) -> None:
    frame = arm.outcomes
    times, left = kaplan_meier(
        frame[f"{endpoint}_days"].to_numpy(), frame[f"{endpoint}_event"].to_numpy()
    )
    axis.step([0, *times / MONTH], [1, *left], where="post", color="#1b5e8c", label="simulated")
    published = arm.study.published
    found = published[endpoint]
    axis.plot([found.value], [0.5], "o", color="#c2410c", label="published median")
    if found.low is not None:
        axis.plot([found.low, found.high], [0.5, 0.5], color="#c2410c", lw=2)
    first = True
    for key, value in published.items():
        kind, _, months = key.partition("_")
        if kind == endpoint and months.isdigit():
            axis.plot([int(months)], [value.value / 100], "D", ms=5, mfc="white", mec="#c2410c",
                      label="published landmark (not fitted)" if first else None)  # fmt: skip
            first = False
    title = arm.study.title.split(":")[0].replace(" arm", "")
    axis.set_title(f"{title}\n{NAMES[endpoint]}", fontsize=9)
    axis.set_xlim(0, 36 if endpoint == "os" else 18)
    axis.set_ylim(0, 1)
    axis.set_xlabel("months from time zero")
    axis.grid(alpha=0.25)
