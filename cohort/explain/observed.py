"""Which variable of the model stands behind which column of the observed tables."""

from __future__ import annotations

from collections.abc import Mapping

from alignment.schemas import OBSERVED
from cohort import spec
from cohort.model import CausalModel

BEHIND: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("patients", "index_date"): ("days_to_cutoff",),
    ("visits", "day"): ("visit_day",),
    ("vitals", "ecog"): ("ecog_now",),
    ("vitals", "weight_kg"): ("weight_now", "weight"),
    ("lesions", "long_axis_mm"): ("measurement",),
    ("lesions", "short_axis_mm"): ("measurement",),
    ("responses", "day"): ("scan_day",),
    ("responses", "sld_mm"): ("measurement",),
    ("responses", "target_response"): ("measurement",),
    ("responses", "nontarget_response"): ("nontarget_progression",),
    ("responses", "overall_response"): ("response",),
    ("best_responses", "best_response"): ("response",),
    ("best_responses", "confirmed_response"): ("response",),
    ("treatments", "start_day"): ("line",),
    ("treatments", "rxnorm"): ("regimen",),
    ("treatments", "stop_day"): ("response",),
    ("treatments", "stop_reason"): ("response",),
    ("doses", "relative_dose"): ("dose",),
    ("doses", "delay_days"): ("dose_delay",),
    ("survival", "origin_day"): ("line",),
    ("survival", "os_days"): ("death",),
    ("survival", "os_event"): ("death",),
    ("survival", "pfs_days"): ("response",),
    ("survival", "pfs_event"): ("response",),
    ("survival", "pfs_cause"): ("response",),
}
"""(table, column) -> variables, the first that the model has; a column of a variable's own name
needs no entry."""


def is_observed(model: CausalModel, variable: str) -> bool:
    """Whether a site would record it: a column, a laboratory analyte or a reported variant."""
    if isinstance(model.disease.variables[variable], spec.Lab):
        return True
    if variable.endswith(("_variant", "_vaf")) or f"{variable}_variant" in model.mechanisms:
        return True
    return variable in _COLUMNS


def behind(model: CausalModel, table: str, column: str) -> str | None:
    """The variable behind a column; None where the model has none."""
    candidates = (*BEHIND.get((table, column), ()), f"{column}_now", column)
    if table == "patients":
        candidates = (*BEHIND.get((table, column), ()), column)
    return next((name for name in candidates if name in model.mechanisms), None)


_COLUMNS = frozenset(column.name for table in OBSERVED for column in table.columns) | {
    name
    for (_, column), names in BEHIND.items()
    if column not in ("target_response", "nontarget_response", "index_date")
    for name in names
}
