"""Study arms: what was fitted, what was not, and what the targets determine.

Part of benchmarks/disease.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from populations import exact, fifteen
from results import Row

from alignment.run import bundled
from alignment.schemas import PFS_CAUSES
from cohort import study as studies
from cohort.fit import Fit, Free, fit
from cohort.study import MONTH, Arm, Published
from ontology.knowledge import KnowledgeGraph
from ontology.yamlfile import read_yaml

COMMAND = "python benchmarks/disease.py"
FITTED = ("checkmate057_docetaxel", "checkmate017_docetaxel", "keynote189_placebo")
BY_HAND = "growth under its drug set by hand towards this arm"
OTHERS = {
    "keynote024_pembrolizumab": "not fitted, rates of another source",
    "flaura_comparator": BY_HAND,
    "flaura_osimertinib": BY_HAND,
}
FREE = (
    "kg.typical.docetaxel.value",
    "ks.typical.docetaxel.value",
    "kg.typical.platinum_pemetrexed.value",
    "ks.typical.platinum_pemetrexed.value",
    "kg.effects.1.ratio",
)
"""Two rates a regimen, docetaxel's shared by both of its arms; and how much faster squamous cancer
grows, shared by all regimens: the one number beside log kg and log ks."""
SET_BY_HAND = {
    "progression_nontarget": "calibrated towards a tenth of progressions",
    "progression_new_lesion": "calibrated towards a third of progressions",
}

UNITS = {"os": "months", "pfs": "months", "orr": "%"}


def interval(endpoint: str, result: Published) -> tuple[float, float]:
    """What counts as reached: the published interval, the exact binomial one, or 15 %."""
    if endpoint == "orr":
        assert result.n is not None
        return exact(result.value, result.n)
    if result.low is not None and result.high is not None:
        return result.low, result.high
    return fifteen(result.value)


def arm(name: str, knowledge: KnowledgeGraph, patients: int, seed: int) -> Arm:
    """A study's arm by name."""
    study = studies.load_study(name)
    model = studies.study_model(study, knowledge)
    return studies.run_study(study, model, patients, seed)


def short(made: Arm) -> str:
    """The arm without its population."""
    return made.study.title.partition(":")[0]


def main_rows(arms: dict[str, Arm]) -> Iterator[Row]:
    """Median OS and PFS and ORR beside what was published, fitted or not."""
    for name, made in arms.items():
        reached = made.summary()
        for endpoint, unit in UNITS.items():
            result = made.study.published[endpoint]
            low, high = interval(endpoint, result)
            fitted = name in FITTED
            yield Row(
                f"{short(made)}: {endpoint.upper()}",
                round(reached[endpoint], 2),
                unit,
                COMMAND,
                target=f"{low:.3g} to {high:.3g}" if fitted else None,
                met=bool(low <= reached[endpoint] <= high) if fitted else None,
                against=f"published {result.value:g}, {'fitted' if fitted else OTHERS[name]}",
            )


def unfitted_rows(arms: dict[str, Arm]) -> Iterator[Row]:
    """Landmarks, disease control and causes of progression, none of them fitted."""
    for name in FITTED:
        made = arms[name]
        frame = made.outcomes
        found = {
            f"{endpoint}_{months}": 100 * studies.survival_at(
                frame[f"{endpoint}_days"].to_numpy(), frame[f"{endpoint}_event"].to_numpy(),
                months * MONTH,
            )
            for endpoint, months in (("pfs", 6), ("pfs", 12), ("os", 12), ("os", 18), ("os", 24))
        }  # fmt: skip
        found["disease_control"] = 100 * float((frame["confirmed_response"] <= 2).mean())
        event = frame.loc[frame["pfs_event"], "pfs_cause"].to_numpy()
        for code, cause in enumerate(PFS_CAUSES[:-1]):
            found[f"progression_{cause}"] = 100 * float((event == code).mean())
        for key, value in found.items():
            published = made.study.published.get(key)
            span = f" ({published.low:g}-{published.high:g})" if published and published.low else ""
            yield Row(
                f"{short(made)}: {LABELS[key]}", round(value, 1), "%", COMMAND,
                against=(f"published {published.value:g}{span}, " if published else "")
                + SET_BY_HAND.get(key, "not fitted"),
            )  # fmt: skip


LABELS = {
    "pfs_6": "progression-free at 6 months",
    "pfs_12": "progression-free at 12 months",
    "os_12": "alive at 12 months",
    "os_18": "alive at 18 months",
    "os_24": "alive at 24 months",
    "disease_control": "disease control",
    "progression_target": "events by target growth",
    "progression_nontarget": "events by non-target progression",
    "progression_new_lesion": "events by a new lesion",
    "progression_death": "events by death",
}


def fitted(
    knowledge: KnowledgeGraph, patients: int, seed: int, iterations: int, tell: object = print
) -> Fit:
    """Fit the free numbers from where the disease file has them."""
    disease = read_yaml(bundled("nsclc", "diseases")).data["variables"]
    return fit(
        [studies.load_study(name) for name in FITTED],
        [Free(path, _number(disease, path)) for path in FREE],
        knowledge,
        patients=patients,
        seed=seed,
        iterations=iterations,
        tell=tell,  # type: ignore[arg-type]
    )


def jacobian_rows(found: Fit) -> Iterator[Row]:
    """Free numbers against targets, and the rank of the Jacobian."""
    singular = np.linalg.svd(found.jacobian, compute_uv=False)
    yield Row("fit: free numbers", len(found.free), "1", COMMAND,
              against=", ".join(f.path.removesuffix(".value") for f in found.free))  # fmt: skip
    yield Row("fit: targets", len(found.targets), "1", COMMAND, target="> free numbers",
              met=len(found.targets) > len(found.free))  # fmt: skip
    yield Row("fit: rank of the Jacobian", found.rank, "1", COMMAND, target=str(len(found.free)),
              met=found.rank == len(found.free),
              against="singular values " + ", ".join(f"{v:.3g}" for v in singular))  # fmt: skip


def _number(data: object, path: str) -> float:
    for key in path.split("."):
        data = data[int(key)] if isinstance(data, list) else data[key]  # type: ignore[index]
    assert isinstance(data, int | float)
    return float(data)
