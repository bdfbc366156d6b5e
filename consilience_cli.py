"""The command line: each command is a thin call of the function of the same name.

Exit codes: 0 done and holds; 1 done and something does not hold; 2 the input cannot be used;
130 interrupted, with nothing left behind.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import consilience as cs
from alignment.run import load_config
from consilience_run import Job
from consilience_run import Progress as Tell
from ontology.errors import ConsilienceError

app = typer.Typer(
    name="consilience",
    help="Multi-modal synthetic patient cohorts in which every line of evidence agrees.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
console = Console()
errors = Console(stderr=True)

PATIENT = re.compile(r"P\d{7}")
Config = Annotated[str, typer.Argument(help="Path of a YAML file, or the name of a bundled one.")]


@app.command()
def generate(
    config: Config,
    out: Annotated[Path, typer.Option(help="New folder for the dataset.")],
    patients: Annotated[int | None, typer.Option(help="How many patients.")] = None,
    seed: Annotated[int | None, typer.Option(help="Keys all randomness.")] = None,
    modalities: Annotated[
        str | None, typer.Option(help="Comma-separated: labs,genomics,imaging,notes.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes on this machine.")] = 1,
    resume: Annotated[
        bool, typer.Option(help="Keep finished studies if interrupted, and take them up again.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Check the input and stop.")] = False,
) -> None:
    """Generate a cohort."""
    chosen = modalities.split(",") if modalities else None
    if dry_run:
        run = load_config(config, patients=patients, seed=seed, modalities=chosen)
        Job.prepare(run)
        console.print(
            f"{run.patients} patients, {', '.join(run.modalities)}: the input can be used"
        )
        return
    with _progress() as tell:
        dataset = cs.generate(
            config, out=out, patients=patients, seed=seed, modalities=chosen,
            workers=workers, resume=resume, progress=tell,
        )  # fmt: skip
    console.print(f"wrote {dataset.folder}")


@app.command()
def evaluate(
    dataset: Annotated[Path, typer.Argument(help="A dataset folder.")],
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the whole report here.")
    ] = None,
) -> None:
    """Check that all files of a dataset tell the same story."""
    from eval.terminal import render

    with _progress() as tell:
        report = cs.evaluate(dataset, progress=tell)
    console.print(render(report))
    if json_file is not None:
        json_file.write_text(report.to_json() + "\n", encoding="utf-8")
    if not report.holds:
        raise typer.Exit(1)


@app.command()
def explain(
    what: Annotated[
        str, typer.Argument(help="A variable of the causal model, or a patient as P0000007.")
    ],
    config: Annotated[str | None, typer.Option(help="Run config by name or path.")] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Dataset folder: its config, seed and interventions.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Of a variable: also draw its graph, .svg or .png.")
    ] = None,
    hops: Annotated[int, typer.Option(help="How many edges the drawing goes.")] = 1,
    value: Annotated[
        str | None, typer.Option(help="Of a patient: labs.LDH, patients.age, or a variable.")
    ] = None,
    day: Annotated[int | None, typer.Option(help="Of a patient: the study day.")] = None,
) -> None:
    """Say what a variable follows from, or why a patient has a value."""
    if config is not None and dataset is not None:
        raise ConsilienceError(
            "--config and --dataset together", remedy="give one: a dataset names its config"
        )
    if PATIENT.fullmatch(what):
        if value is None:
            raise ConsilienceError(
                f"which value of {what}?", remedy="for example --day 21 --value labs.LDH"
            )
        if out is not None:
            raise ConsilienceError(
                "--out draws variables", got=what, remedy="leave out --out, or name a variable"
            )
        typer.echo(cs.why(dataset, what, day=day, value=value, config=config or "nsclc").text)
        return
    if value is not None or day is not None:
        raise ConsilienceError(
            "--value and --day belong to a patient", got=what, wanted="a patient as P0000007"
        )
    text = cs.explain(what, config=config or "nsclc", dataset=dataset, draw=out, hops=hops)
    typer.echo(text)
    if out is not None:
        console.print(f"wrote {out}")


@app.command()
def train(
    what: Annotated[
        str, typer.Argument(help="imaging: the CT network; notes: the author of reports.")
    ],
    config: Config,
    out: Annotated[Path, typer.Option(help="Folder for weights, losses and panels.")],
) -> None:
    """Train a network, or go on with a training that was stopped."""
    with _progress("interrupted: the same command goes on from the last checkpoint") as tell:
        weights = cs.train(what, config, out=out, progress=tell)
    console.print(f"wrote {weights}")


@app.command()
def twin(
    dataset: Annotated[Path, typer.Argument(help="The dataset that holds the patient.")],
    patient: Annotated[str, typer.Option(help="Patient id, as P0000007.")],
    out: Annotated[Path, typer.Option(help="New folder for the twin.")],
    do: Annotated[
        list[str] | None,
        typer.Option(help="VAR=VALUE, or VAR@LINE=VALUE for one line of therapy. Repeatable."),
    ] = None,
) -> None:
    """Generate a patient again, under interventions, with the same noise."""
    interventions = [parse_intervention(text) for text in do or []]
    with _progress() as tell:
        made = cs.twin(dataset, patient=patient, do=interventions, out=out, progress=tell)
    console.print(f"wrote {made.folder}")


def parse_intervention(text: str) -> cs.Intervention:
    """``regimen@1=docetaxel`` or ``sex=female``."""
    target, equals, value = text.partition("=")
    variable, at, line = target.partition("@")
    if not equals or not variable or not value or (at and not line.isdigit()):
        raise ConsilienceError(
            "not an intervention", got=text, wanted="VAR=VALUE or VAR@LINE=VALUE",
            remedy="for example --do regimen@1=docetaxel",
        )  # fmt: skip
    return cs.Intervention(variable, _typed(value), int(line) if at else None)


def _typed(value: str) -> str | float | bool:
    if value in ("true", "false"):
        return value == "true"
    try:
        return float(value)
    except ValueError:
        return value


@contextmanager
def _progress(
    stopped: str = "interrupted: no dataset was written",
) -> Iterator[Tell]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    interrupted = False
    with Progress(*columns, console=errors) as bar:
        tasks: dict[str, int] = {}

        def tell(what: str, done: int, total: int) -> None:
            task = tasks.get(what)
            if task is None:
                task = tasks[what] = bar.add_task(what, total=total)
            bar.update(task, completed=done, total=total)  # type: ignore[arg-type]

        try:
            yield tell
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        typer.echo(stopped, err=True)
        raise typer.Exit(130)


def main() -> None:
    """Entry point: errors that a user can mend are one message and no traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        app()
    except ConsilienceError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
