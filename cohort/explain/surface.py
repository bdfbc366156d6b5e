"""A page in points, y downward, with the few shapes that a graph needs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path

Point = tuple[float, float]


class Surface:
    """Wraps one matplotlib figure."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width / 72.0, height / 72.0), facecolor="white")
        self.axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self.axes.set_xlim(0.0, width)
        self.axes.set_ylim(height, 0.0)
        self.axes.axis("off")

    def text(
        self, x: float, y: float, text: str, size: float, *,
        bold: bool = False, colour: str = "#111111", align: str = "left",
    ) -> float:  # fmt: skip
        """Write one line, centred on ``y``; returns where it ends."""
        from cohort.explain.layout import width_of

        self.axes.text(
            x, y, text, fontsize=size, fontweight="bold" if bold else "normal", color=colour,
            ha=align, va="center_baseline", parse_math=False, zorder=5,
        )  # fmt: skip
        return x + width_of(text, size, bold=bold)

    def box(
        self, x: float, y: float, width: float, height: float, fill: str, edge: str, *,
        rounded: bool = False, dashed: bool = False, thick: float = 1.0,
    ) -> None:  # fmt: skip
        """A box around its centre."""
        radius = min(height / 2.0, 10.0) if rounded else 0.01
        self.axes.add_patch(
            FancyBboxPatch(
                (x - width / 2, y - height / 2), width, height,
                boxstyle=f"round,pad=0,rounding_size={radius}", facecolor=fill, edgecolor=edge,
                linewidth=thick, linestyle=(0, (3, 2)) if dashed else "solid", zorder=4,
            )
        )  # fmt: skip

    def curve(
        self, points: Sequence[Point], colour: str, *,
        dashed: bool = False, arrow: bool = True, alpha: float = 1.0, thick: float = 1.0,
    ) -> None:  # fmt: skip
        """A cubic from the first to the last of four points, with an arrowhead."""
        path = Path(list(points), [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
        style = (0, (4, 2)) if dashed else "solid"
        self.axes.add_patch(
            PathPatch(path, facecolor="none", edgecolor=colour, linewidth=thick, linestyle=style,
                      alpha=alpha, zorder=2)
        )  # fmt: skip
        if arrow:
            (x0, y0), (x1, y1) = points[-2], points[-1]
            length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-6)
            tail = (x1 - 6.0 * (x1 - x0) / length, y1 - 6.0 * (y1 - y0) / length)
            self.axes.add_patch(
                FancyArrowPatch(tail, (x1, y1), arrowstyle="-|>,head_length=5,head_width=2.4",
                                mutation_scale=1.0, shrinkA=0, shrinkB=0, color=colour,
                                linewidth=0.5, alpha=alpha, zorder=3)
            )  # fmt: skip

    def shade(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle behind text."""
        self.axes.add_patch(Rectangle((x, y), width, height, facecolor=colour, linewidth=0))

    def rule(self, x: float, y: float, to: float) -> None:
        """A horizontal line."""
        self.axes.plot([x, to], [y, y], color="#888888", linewidth=0.8)
