"""The page: title, equation, key, graph, table of numbers, references."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from matplotlib.figure import Figure

from cohort.explain import citation
from cohort.explain.edges import INK, LATENT, OBSERVED, SIGNS, draw_boxes, draw_links
from cohort.explain.layout import LEADING, SMALL, arrange, width_of
from cohort.explain.neighbourhood import Link, Neighbourhood, amount
from cohort.explain.surface import Surface

MARGIN, MIN_WIDTH = 24.0, 760.0
SHADE = "#f3f5f7"
HEADINGS = ("edge or variable", "number", "status", "source")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    edge: str
    number: str
    status: str
    source: str


def compose(part: Neighbourhood) -> Figure:
    """Everything on one page, sized to what it holds."""
    layout = arrange(part)
    width = max(layout.width, MIN_WIDTH) + 2 * MARGIN
    columns = _columns(width - 2 * MARGIN)
    table = [_cells(row, columns) for row in rows(part)]
    head = _head(part, width - 2 * MARGIN)
    foot = _foot(part, width - 2 * MARGIN)
    table_height = sum(_row_height(cells) for cells in table) + 2.2 * LEADING if table else 0.0
    top = MARGIN + 26.0 + LEADING * 1.25 * len(head) + 34.0
    height = top + layout.height + 24.0 + table_height + LEADING * 1.25 * len(foot) + MARGIN + 8.0
    page = Surface(width, height)
    _title(page, part, head)
    _key(page, MARGIN, top - 20.0)
    left = (width - layout.width) / 2
    for box in layout.boxes.values():
        box.x, box.y = box.x + left, box.y + top
    draw_links(page, part, layout)
    draw_boxes(page, part, layout)
    y = _table(page, table, columns, top + layout.height + 24.0)
    for line in foot:
        y += LEADING * 1.25
        page.text(MARGIN, y, line, SMALL, colour="#444444")
    return page.figure


def rows(part: Neighbourhood) -> list[Row]:
    """What stands on the variable's own edges, its own numbers, then the other edges drawn."""
    disease, centre = part.model.disease, part.centre
    own = [
        Row(centre.variable, f"{field} {values}", p.status, citation.cite(p.source, disease))
        for field, values, p in citation.own_numbers(disease.variables[centre.variable])
    ]
    near = [x for x in part.links if centre in (x.cause, x.effect)]
    near.sort(key=lambda x: x.effect != centre)
    far = [x for x in part.links if x not in near and not x.passes]
    made = [row for link in near for row in _link_rows(part, link)]
    return [*made, *own, *(row for link in far if link.effects for row in _link_rows(part, link))]


def _link_rows(part: Neighbourhood, link: Link) -> list[Row]:
    disease = part.model.disease
    at = f" ({link.cause.when})" if link.lag and link.cause.when else ""
    name = f"{link.cause.variable}{at} \N{RIGHTWARDS ARROW} {link.effect.variable}"
    if not link.effects:  # part of the equation or a table; the graph says why it is an edge
        return [Row(name, "in the equation", "graph", "; ".join(link.evidence))]
    return [
        Row(name, amount(e), e.status, citation.cite(e.parameter(e.size).source, disease))
        for e in link.effects
    ]


def _head(part: Neighbourhood, width: float) -> list[str]:
    name = part.centre.variable
    equation = part.model.mechanisms[name].equation()
    lines = wrap(equation, width, SMALL + 0.5)
    if name in part.model.levels:
        lines += wrap("levels: " + ", ".join(part.model.levels[name]), width, SMALL + 0.5)
    return lines if len(lines) <= 8 else [*lines[:7], "... (whole in the text)"]


def _foot(part: Neighbourhood, width: float) -> list[str]:
    passing = sorted(
        f"{x.cause.variable} \N{RIGHTWARDS ARROW} {x.effect.variable}"
        for x in part.links
        if x.passes
    )
    lines = []
    if passing:
        text = f"Not drawn, edges from causes past {part.centre.variable} to its consequences: "
        lines += wrap(text + ", ".join(dict.fromkeys(passing)), width, SMALL)
    return lines


def _title(page: Surface, part: Neighbourhood, head: list[str]) -> None:
    variable = part.model.disease.variables[part.centre.variable]
    page.text(MARGIN, MARGIN + 8.0, part.centre.variable, 16.0, bold=True)
    beside = MARGIN + width_of(part.centre.variable, 16.0, bold=True) + 12.0
    page.text(beside, MARGIN + 9.0, f"{variable.label} ({variable.kind})", 11.0)
    y = MARGIN + 26.0
    for line in head:
        y += LEADING * 1.25
        page.text(MARGIN, y - 4.0, line, SMALL + 0.5, colour="#333333")


def _key(page: Surface, x: float, y: float) -> None:
    """What shapes, colours and dashes mean."""
    for fill, rounded, label in ((OBSERVED, False, "recorded"), (LATENT, True, "latent")):
        page.box(x + 9.0, y, 18.0, 10.0, fill, INK, rounded=rounded)
        x = page.text(x + 22.0, y, label, SMALL) + 14.0
    page.box(x + 9.0, y, 18.0, 10.0, OBSERVED, "#d55e00", thick=2.0)
    x = page.text(x + 22.0, y, "set by do()", SMALL) + 14.0
    for sign, label in (("+", "raises (+)"), ("-", "lowers (\N{MINUS SIGN})"),
                        ("any", "by level, or either")):  # fmt: skip
        page.curve([(x, y), (x + 8, y), (x + 14, y), (x + 22.0, y)], SIGNS[sign])
        x = page.text(x + 27.0, y, label, SMALL) + 14.0
    page.curve([(x, y), (x + 8, y), (x + 14, y), (x + 22.0, y)], INK, dashed=True)
    x = page.text(x + 27.0, y, "from the previous visit", SMALL) + 14.0


def _columns(width: float) -> tuple[float, ...]:
    """Width of each column of the table."""
    return (0.25 * width, 0.25 * width, 0.1 * width, 0.4 * width)


def _cells(row: Row, columns: tuple[float, ...]) -> list[list[str]]:
    texts = (row.edge, row.number, row.status, row.source)
    return [wrap(t, w - 10.0, SMALL) for t, w in zip(texts, columns, strict=True)]


def _row_height(cells: list[list[str]]) -> float:
    return max(len(lines) for lines in cells) * LEADING + 4.0


def _table(
    page: Surface, table: list[list[list[str]]], columns: tuple[float, ...], y: float
) -> float:
    if not table:
        return y
    starts = [MARGIN + sum(columns[:i]) for i in range(len(columns))]
    for x, heading in zip(starts, HEADINGS, strict=True):
        page.text(x + 4.0, y + LEADING, heading, SMALL, bold=True)
    y += 2.0 * LEADING
    page.rule(MARGIN, y - 2.0, MARGIN + sum(columns))
    for i, cells in enumerate(table):
        height = _row_height(cells)
        if i % 2:
            page.shade(MARGIN, y - 1.0, sum(columns), height, SHADE)
        for x, lines in zip(starts, cells, strict=True):
            for k, line in enumerate(lines):
                page.text(x + 4.0, y + LEADING * (k + 0.5) + 1.0, line, SMALL)
        y += height
    return y


def wrap(text: str, width: float, size: float) -> list[str]:
    """Lines that fit a width."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and width_of(longer, size) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    whole = [*lines, line]
    letters = max(8, int(width / (0.6 * size)))
    return [piece for x in whole for piece in
            (textwrap.wrap(x, letters) if width_of(x, size) > width else [x])]  # fmt: skip
