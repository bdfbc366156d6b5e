"""Where everything stands on the page, in points from the top left; text is measured, not guessed.

Causes stand in columns to the left, the variable in the middle, consequences to the right. What an
edge amounts to stands in the row of the cause (or consequence) itself, so no two labels can meet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from cohort.explain.neighbourhood import Link, Neighbourhood, Node

NAME, SMALL, LEADING = 10.0, 7.5, 10.0
"""Font sizes and the height of a small line, points."""

PAD, GAP, GUTTER, TO_CENTRE = 7.0, 9.0, 110.0, 80.0
MAX_AMOUNTS = 4
"""Lines of amounts at one node; more are counted and stand in the table."""

WRAP = 34


@dataclass(slots=True)
class Box:
    """A node on the page. ``x``, ``y``: its centre. ``amounts`` stand on the centre's side."""

    node: Node
    lines: tuple[str, ...]
    amounts: tuple[str, ...]
    width: float
    height: float
    amounts_width: float
    x: float = 0.0
    y: float = 0.0

    @property
    def row(self) -> float:
        """Height of the row, with its amounts."""
        return max(self.height, len(self.amounts) * LEADING) + GAP

    @property
    def left(self) -> float:
        """Where edges arrive."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Where edges leave."""
        return self.x + self.width / 2


@dataclass
class Layout:
    """Boxes by node, and the size of the graph."""

    boxes: dict[Node, Box] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


@cache
def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Points that a text takes."""
    font = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    width: float = text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
    return width


def arrange(part: Neighbourhood) -> Layout:
    """Place all nodes."""
    layout = Layout()
    direct = {
        (link.effect if link.cause == part.centre else link.cause): link
        for link in part.links
        if part.centre in (link.cause, link.effect)
    }
    for nodes in part.columns.values():
        for node in nodes:
            beside = direct.get(node) if abs(node.column) == 1 else None
            layout.boxes[node] = _box(part, node, beside)
    heights = {c: sum(layout.boxes[n].row for n in nodes) for c, nodes in part.columns.items()}
    centre = layout.boxes[part.centre]
    arriving = sum(link.effect == part.centre for link in part.links)
    centre.height = max(centre.height, min(14.0 * arriving, 0.5 * max(heights.values())))
    layout.height = max(*heights.values(), centre.height + GAP)
    x = _arcs_room(part, min(part.columns))
    for column, nodes in part.columns.items():
        boxes = [layout.boxes[node] for node in nodes]
        width = max(box.width for box in boxes)
        amounts = max(box.amounts_width for box in boxes)
        if column > 0:
            x += amounts
        y = (layout.height - heights[column]) / 2
        for box in boxes:
            box.width = box.width if column == 0 else width
            box.amounts_width = amounts  # arrows end beside the widest, so that none crosses a text
            box.x, box.y = x + width / 2, y + box.row / 2
            y += box.row
        if column == 0:
            boxes[0].y = layout.height / 2
        x += width + (amounts if column < 0 else 0.0)
        x += _space_after(part, column)
    layout.width = x
    return layout


def _space_after(part: Neighbourhood, column: int) -> float:
    if column == max(part.columns):
        return _arcs_room(part, column)
    if column in (-1, 0):
        return TO_CENTRE
    return GUTTER


def _arcs_room(part: Neighbourhood, column: int) -> float:
    """Room beside an outermost column for edges within it."""
    rows = {node: i for i, node in enumerate(part.columns[column])}
    spans = [abs(rows[x.cause] - rows[x.effect]) for x in inside(part, column)]
    return bulge(max(spans)) + 12.0 if spans else 4.0


def inside(part: Neighbourhood, column: int) -> list[Link]:
    """The edges within a column."""
    return [x for x in part.links if x.cause.column == x.effect.column == column]


def bulge(span: int) -> float:
    """How far an edge within a column swings out."""
    return min(14.0 + 7.0 * span, 84.0)


def _box(part: Neighbourhood, node: Node, link: Link | None) -> Box:
    label = part.model.disease.variables[node.variable].label
    lines = [node.variable]
    if label.lower() != node.variable.lower().replace("_", " "):
        lines += shorten(label)
    if node.when:
        lines.append(f"({node.when})")
    if node.forced is not None:
        lines.append(f"do: {node.forced}")
    widths = [width_of(lines[0], NAME, bold=True), *(width_of(t, SMALL) for t in lines[1:])]
    amounts = beside(link) if link is not None else ()
    wide = max((width_of(text, SMALL) for text in amounts), default=0.0)
    return Box(
        node,
        tuple(lines),
        amounts,
        max(widths) + 2 * PAD,
        14.0 + LEADING * (len(lines) - 1) + PAD,
        wide + 10.0 if amounts else 0.0,
    )


def beside(link: Link) -> tuple[str, ...]:
    """What stands beside the node: the sign and the amounts."""
    sign = {"+": "+", "-": "\N{MINUS SIGN}", "any": "any sign", "mixed": "sign by level"}[link.sign]
    if not link.effects:
        return (sign,)
    amounts = link.amounts
    if len(amounts) > MAX_AMOUNTS:
        amounts = (
            *amounts[: MAX_AMOUNTS - 1],
            f"and {len(amounts) - MAX_AMOUNTS + 1} more (table)",
        )
    if link.sign in ("any", "mixed") or amounts[0].startswith(("+", "\N{MINUS SIGN}")):
        return amounts
    return (f"{sign}  {amounts[0]}", *amounts[1:])


def shorten(label: str) -> list[str]:
    """At most two lines."""
    lines, line = [], ""
    for word in label.split():
        if line and len(line) + 1 + len(word) > WRAP:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    lines.append(line)
    return lines if len(lines) <= 2 else [lines[0], lines[1] + " ..."]
