"""A report as a rich renderable; nothing is printed here."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from eval.result import CheckResult, ConsistencyReport

SHOWN_VIOLATIONS = 5
"""Violations of each check in the terminal; the JSON and the page hold all of them."""


def render(report: ConsistencyReport, *, shown: int = SHOWN_VIOLATIONS) -> RenderableType:
    """One row a check, then the first violations of each check, then the verdict."""
    parts: list[RenderableType] = [_table(report)]
    for check in report.checks:
        parts.extend(_violations(check, shown))
    failed = sum(not check.holds for check in report.checks)
    if failed:
        count = len(report.violations)
        parts.append(Text(f"{count:,} contradictions in {failed} checks", style="bold red"))
    else:
        tested = sum(check.tested for check in report.checks)
        parts.append(Text(f"Holds: {tested:,} comparisons, none contradicts", style="bold green"))
    return Group(*parts)


def _table(report: ConsistencyReport) -> Table:
    table = Table(title=f"Consistency of {report.folder.name}", title_justify="left")
    table.add_column("")
    table.add_column("check", ratio=1)
    table.add_column("agreed / tested", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("unrendered", justify="right")
    for tier, name in (("agreement", "observed files"), ("truth", "against the truth")):
        table.add_section()
        table.add_row("", Text(name, style="bold"), "", "", "")
        for check in report.checks:
            if check.tier == tier:
                table.add_row(*_row(check))
    return table


def _row(check: CheckResult) -> tuple[RenderableType, ...]:
    if check.absent:
        return (
            Text("·", style="dim"),
            Text(check.title, style="dim"),
            "",
            Text("not in this dataset", style="dim"),
            "",
        )
    mark = Text("✓", style="green") if check.holds else Text("✗", style="red")
    interval = f"{check.low:.2%} to {check.high:.2%}" if check.tested else ""
    skipped = f"{check.unrendered:,}" if check.unrendered else ""
    return mark, check.title, f"{check.agreed:,} / {check.tested:,}", interval, skipped


def _violations(check: CheckResult, shown: int) -> list[RenderableType]:
    if check.holds:
        return []
    lines: list[RenderableType] = [Text(f"\n✗ {check.title}", style="red")]
    for v in check.violations[:shown]:
        when = "" if v.day is None else f" day {v.day}"
        lines.append(Text(f"  {v.patient_id}{when}  {v.message}"))
        lines.append(Text(f"    {v.where}: expected {v.expected}, found {v.found}", style="dim"))
    left = len(check.violations) - shown
    if left > 0:
        lines.append(Text(f"  and {left:,} more (all in the JSON and the page)", style="dim"))
    return lines
