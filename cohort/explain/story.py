"""The text of ``consilience explain PATIENT``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cohort.explain.why import Why


SCALE_NAMES = {
    "": "in the variable's own unit",
    "ln": "on the ln scale",
    "logit": "on the logit scale",
    "ln rate": "on the ln scale of the rate",
    "ln mean": "on the ln scale of the mean",
    "effects": "of the effects alone; the equation has more",
}


def tell(why: Why) -> str:
    """From the value back to its causes, then where the numbers come from."""
    blocks = [_head(why), _recorded(why), _equation(why), _parents(why), _sum(why), _noise(why)]
    if why.remembered:
        shown = [f"  {name:<28} {value:.6g}" for name, value in why.remembered.items()]
        blocks.append(["remembered by the mechanism after this visit:", *shown])
    if why.numbers:
        wide = max(len(name) for name, _ in why.numbers)
        blocks.append(["numbers:", *(f"  {name:<{wide}}  {text}" for name, text in why.numbers)])
    blocks.append(list(why.notes))
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _head(why: Why) -> list[str]:
    on = "" if why.day is None else f", day {why.day}"
    shown = why.latent if why.row is None else _plain(why.recorded)
    unit = why.unit
    extra = ""
    if why.row is not None:
        unit = str(why.row.get("unit", "")) or ("mm" if why.address.endswith("_mm") else "")
        if "flag" in why.row:
            extra = f" (flag {why.row['flag']}, CTCAE grade {why.row['ctcae_grade']})"
    lines = [f"{why.patient}{on}: {why.address} = {shown} {unit}".rstrip() + extra,
             f"variable {why.variable}: {why.label}"]  # fmt: skip
    if why.drawn_on is not None and why.drawn_on != why.day:
        lines.append(f"came about at the visit of day {why.drawn_on:g}")
    return lines


def _recorded(why: Why) -> list[str]:
    if not why.steps:
        if why.row is None:
            return []
        shown = (f"{k} {_plain(v)}" for k, v in why.row.items() if k != "patient_id")
        return [
            "the row: " + ", ".join(shown),
            f"the model's {why.variable}: {why.latent} {why.unit}".rstrip(),
        ]
    return ["how it was recorded:", f"  latent {why.latent} {_unit(why)}".rstrip(),
            *(f"  {step}" for step in why.steps)]  # fmt: skip


def _unit(why: Why) -> str:
    return "" if why.latent.endswith("mm") else why.unit


def _equation(why: Why) -> list[str]:
    lines = ["equation:", f"  {why.equation}"]
    if why.computed is not None:
        lines.append(f"  set by do(); without it {why.computed}")
    return lines


def _parents(why: Why) -> list[str]:
    if not why.parents:
        return ["parents: none (exogenous)"]
    lines = ["parents:"]
    wide = max(len(p.variable) for p in why.parents)
    for parent in why.parents:
        at = "  at the previous visit" if parent.lag else ""
        value = f"{parent.value} {parent.unit}".rstrip() if parent.value else "no previous visit"
        lines.append(f"  {parent.variable:<{wide}}  {value}{at}  (sign {parent.sign})")
    return lines


def _sum(why: Why) -> list[str]:
    lines: list[str] = []
    if why.sum is not None:
        lines.append(f"terms, {SCALE_NAMES[why.sum.scale]}:")
        wide = max((len(part.label) for part in why.sum.parts), default=0)
        for part in why.sum.parts:
            source = f"  [{part.source}]" if part.source else ""
            lines.append(f"  {part.amount + 0.0:+10.5f}  {part.label:<{wide}}{source}")
        if abs(why.sum.rest) > 1e-9:
            lines.append(f"  {why.sum.rest:+10.5f}  rounding, bounds, or the mechanism's own")
        lines.append(f"  {why.sum.total:+10.5f}  = sum")
        if why.sum.probability is not None and why.sum.uniform is not None:
            below = why.sum.uniform < why.sum.probability
            lines.append(
                f"  probability {why.sum.probability:.6f}; the uniform draw "
                f"{why.sum.uniform:.6f} is {'below' if below else 'not below'} it: "
                f"{'true' if below else 'false'}"
            )
    if why.shares:
        lines.append("probability of each level, in the order in which the uniform draw picks:")
        total = 0.0
        for level, share in why.shares:
            total += share
            lines.append(f"  {share:.6f}  up to {total:.6f}  {level}")
    return lines


def _noise(why: Why) -> list[str]:
    if not why.noise:
        return ["noise: none drawn for this value"]
    lines = [f"noise (seed {why.seed}; Philox4x64-10):"]
    wide = max(len(draw.variable) for draw in why.noise)
    for draw in why.noise:
        zs = ", ".join(f"{z:.6g}" for z in draw.normals)
        lines.append(
            f"  {draw.variable:<{wide}}  uniform {draw.uniform:.6f}  z {zs}  step {draw.step}  "
            f"slot {draw.slot}  key {draw.key(why.seed)}"
        )
    return lines


def _plain(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
