"""The causal graph around a variable as SVG or PNG, with its numbers and sources below."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cohort.explain import page
from cohort.explain.neighbourhood import neighbourhood
from cohort.model import CausalModel
from ontology.errors import ConsilienceError
from ontology.knowledge import KnowledgeGraph

FORMATS = (".svg", ".png")
MAX_HOPS = 4


def draw_variable(
    model: CausalModel, knowledge: KnowledgeGraph, variable: str, out: Path, hops: int = 1
) -> None:
    """Write the drawing; the same graph gives the same bytes."""
    model._require(variable)
    if out.suffix.lower() not in FORMATS:
        raise ConsilienceError(
            "not a kind of drawing", where=out, got=out.suffix or "no ending",
            wanted=" or ".join(FORMATS), remedy="name the file with --out GRAPH.svg",
        )  # fmt: skip
    if not 1 <= hops <= MAX_HOPS:
        raise ConsilienceError("hops out of range", got=hops, wanted=f"1 to {MAX_HOPS}")
    part = neighbourhood(model, knowledge, variable, hops)
    with _same_everywhere():
        figure = page.compose(part)
        # Without these matplotlib writes the date, its version and random ids into the file.
        plain: dict[str, Any] = (
            {"Date": None, "Creator": None, "Title": f"Causal graph around {variable}"}
            if out.suffix.lower() == ".svg"
            else {"Software": None}
        )
        try:
            figure.savefig(out, dpi=144, metadata=plain)
        except OSError as error:
            raise ConsilienceError(
                f"cannot write: {error.strerror or error}", where=out, remedy="name another file"
            ) from None


@contextmanager
def _same_everywhere() -> Iterator[None]:
    """Matplotlib's own defaults, whatever the user's settings are."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["svg.hashsalt"] = "consilience"
        mpl.rcParams["svg.fonttype"] = "path"  # the layout holds without the font
        mpl.rcParams["font.family"] = "DejaVu Sans"
        yield
