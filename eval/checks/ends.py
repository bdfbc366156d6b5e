"""When follow-up of a patient ended."""

from __future__ import annotations

from alignment import schemas
from eval.dataset import Dataset


def death_days(data: Dataset) -> dict[str, float]:
    """Day of death by patient, from tables/events."""
    events = data.table(schemas.EVENTS)
    if events is None:
        return {}
    dead = events[(events["category"] == "death").to_numpy()]
    days = dead.groupby(dead["patient_id"].astype(object))["day"].min()
    return {str(patient): float(day) for patient, day in days.items()}


def follow_up_ends(data: Dataset) -> dict[str, float]:
    """Last day of follow-up by patient: of death, else of censoring."""
    ends: dict[str, float] = {}
    frame = data.table(schemas.SURVIVAL)
    if frame is not None:
        alive = frame[~frame["os_event"].to_numpy(bool)]
        last = alive["origin_day"] + alive["os_days"]
        days = last.groupby(alive["patient_id"].astype(object)).max()
        ends = {str(patient): float(day) for patient, day in days.items()}
    return ends | death_days(data)
