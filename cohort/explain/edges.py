"""Boxes and arrows of the graph on the page."""

from __future__ import annotations

from cohort.explain.layout import LEADING, NAME, SMALL, Box, Layout, bulge
from cohort.explain.neighbourhood import Link, Neighbourhood, Node
from cohort.explain.surface import Surface

INK = "#222222"
OBSERVED, LATENT, CENTRE = "#d9e8f5", "#ffffff", "#ffe9a8"
SIGNS = {"+": "#0072b2", "-": "#c23b22", "any": "#777777", "mixed": "#777777"}
"""Blue and vermilion stay apart for the colour-blind; the sign is also written."""


def draw_boxes(page: Surface, part: Neighbourhood, layout: Layout) -> None:
    """Every node with its name, label and, beside it, what its edge amounts to."""
    for node, box in layout.boxes.items():
        fill = CENTRE if node == part.centre else OBSERVED if node.observed else LATENT
        page.box(
            box.x, box.y, box.width, box.height, fill,
            "#d55e00" if node.forced is not None else INK,
            rounded=not node.observed, dashed=bool(node.visit),
            thick=2.0 if node == part.centre or node.forced is not None else 1.0,
        )  # fmt: skip
        y = box.y - (len(box.lines) - 1) * LEADING / 2
        for i, line in enumerate(box.lines):
            size = SMALL if i else NAME
            colour = "#d55e00" if line.startswith("do: ") else "#444444" if i else "#111111"
            page.text(box.x, y, line, size, bold=not i, colour=colour, align="center")
            y += LEADING + (1.0 if i == 0 else 0.0)
        for k, text in enumerate(box.amounts):
            y = box.y + (k - (len(box.amounts) - 1) / 2) * LEADING
            if node.column < 0:
                page.text(box.right + 5.0, y, text, SMALL)
            else:
                page.text(box.left - box.amounts_width + 2.0, y, text, SMALL)


def draw_links(page: Surface, part: Neighbourhood, layout: Layout) -> None:
    """Arrows between columns as curves, within a column as arcs on the outer side."""
    rows = {n: i for nodes in part.columns.values() for i, n in enumerate(nodes)}
    ports = _ports(part, layout)
    for link in part.links:
        cause, effect = layout.boxes[link.cause], layout.boxes[link.effect]
        if link.passes:
            continue  # named below the table
        cut = link.effect.forced is not None
        colour = "#cccccc" if cut else SIGNS[link.sign]
        if link.cause.column == link.effect.column:
            span = abs(rows[link.cause] - rows[link.effect])
            _arc(page, cause, effect, bulge(span), colour, bool(link.lag))
            continue
        if link.cause.column > link.effect.column:  # a nearer cause of a farther one
            middle = (cause.left + effect.right) / 2
            back = [(cause.left, cause.y), (middle, cause.y), (middle, effect.y),
                    (effect.right, effect.y)]  # fmt: skip
            page.curve(back, colour, dashed=bool(link.lag), alpha=0.45, thick=0.8)
            continue
        start = cause.right + (cause.amounts_width if _beside(part, link, link.cause) else 0.0)
        end = effect.left - (
            effect.amounts_width + 4.0 if _beside(part, link, link.effect) else 0.0
        )
        y = ports[link]
        reach = 0.5 * (end - start)
        points = [(start, cause.y), (start + reach, cause.y), (end - reach, y), (end, y)]
        near = part.centre in (link.cause, link.effect)
        page.curve(
            points, colour, dashed=bool(link.lag), alpha=1.0 if near else 0.45,
            thick=1.2 if near else 0.8,
        )  # fmt: skip


def _beside(part: Neighbourhood, link: Link, node: Node) -> bool:
    """Whether the node's amounts stand between it and the other end."""
    return node != part.centre and abs(node.column) == 1 and (
        node.column < 0 if node == link.cause else node.column > 0
    )  # fmt: skip


def _ports(part: Neighbourhood, layout: Layout) -> dict[Link, float]:
    """Where an arrow arrives: spread over the box in the order of the causes."""
    ports: dict[Link, float] = {}
    for node, box in layout.boxes.items():
        arriving = [x for x in part.links if x.effect == node and x.cause.column < node.column
                    and not x.passes]  # fmt: skip
        arriving.sort(key=lambda x: (layout.boxes[x.cause].y, x.cause.column))
        for i, link in enumerate(arriving):
            share = (i + 0.5) / len(arriving) - 0.5
            ports[link] = box.y + share * 0.8 * box.height
    return ports


def _arc(page: Surface, cause: Box, effect: Box, out: float, colour: str, lagged: bool) -> None:
    """On the outer side of a column: left of causes, right of consequences."""
    left = cause.node.column < 0
    x0, x1 = (cause.left, effect.left) if left else (cause.right, effect.right)
    side = -out if left else out
    shift = 4.0 if effect.y > cause.y else -4.0
    points = [
        (x0, cause.y + shift), (x0 + side * 1.33, cause.y + shift),
        (x1 + side * 1.33, effect.y - shift), (x1, effect.y - shift),
    ]  # fmt: skip
    page.curve(points, colour, dashed=lagged, alpha=0.5, thick=0.8)
