"""`hilum evaluate`: how good a model is on labelled films, source by source, as a report for people and programs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domain.errors import Misconfigured
from domain.film import Unsuitable
from hilum import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from domain.film import GreyImage
    from hilum.cli import Loaded
    from hilum.settings import Settings
    from models.collection import Collection
    from models.evaluation.figures import Report
    from models.evaluation.judge import Verdict

_MOST_GROUPS = 50
"""Values of a column by which films are grouped; beyond it the column is no grouping."""
_PLACE = click.Path(path_type=Path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is to be judged, and how."""

    model: str | None
    data: Path
    out: Path
    by: Sequence[str] = ()
    resamples: int = 1000
    folds: int | None = None
    architecture: str | None = None
    recipe: str = "hilum"
    weights: str = "imagenet"
    epochs: int | None = None
    steps: int | None = None
    seed: int = 7
    skip_bad_rows: bool = False


@click.command()
@click.argument("model", required=False)
@click.option(
    "--data",
    required=True,
    type=_PLACE,
    help="Labelled films: a manifest CSV (columns file and label; source, patient_id and others if known), a folder "
    "with a manifest.csv, or a folder per class.",
)
@click.option("--out", required=True, type=_PLACE, help="Folder for the report.")
@click.option("--by", multiple=True, metavar="COLUMN", help="Also by this column of the manifest; may be repeated.")
@click.option(
    "--bootstrap",
    "resamples",
    default=1000,
    show_default=True,
    type=click.IntRange(min=0),
    help="Resamples for each interval; 0 for none.",
)
@click.option("--folds", type=click.IntRange(min=2), help="Cross-validate: train and judge so many networks.")
@click.option("--architecture", help="With --folds: the architecture to train.")
@click.option("--recipe", default="hilum", show_default=True, help="With --folds: as in `hilum train`.")
@click.option("--weights", default="imagenet", show_default=True, help="With --folds: as in `hilum train`.")
@click.option("--epochs", type=click.IntRange(min=1), help="With --folds: as in `hilum train`.")
@click.option("--steps", type=click.IntRange(min=1), help="With --folds: as in `hilum train`.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(min=0), help="Of resamples and folds.")
@click.option("--skip-bad-rows", is_flag=True, help="Go on without missing files and unknown labels; name them.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures, as in metrics.json, instead of a table.")
@click.pass_obj
def evaluate(loaded: Loaded, /, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's options
    """Judge MODEL on labelled films and write a report: what it gets right, source by source.

    MODEL is the folder of a package or the name of an installed model; without it, the model in use is judged.

    The folder named by --out receives report.html (one page that needs no other file), metrics.json (every figure),
    predictions.csv (every film), and the plots as PNG. Every figure has a 95 % interval from resampling patients.

    With --folds there is no MODEL: one network per fold is trained on the other folds, and every film is judged by the
    one that has seen none of its patient's films.
    """
    from hilum import log

    log.silence_toolkits()
    request = Request(**options)
    if request.folds and (request.model or not request.architecture):
        raise click.UsageError("--folds trains networks of its own: give --architecture and no MODEL")
    report = run(loaded.settings(), request)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        _print_table(report, request.out)


def run(settings: Settings, request: Request) -> Report:
    """Judge, write the report's folder, and return what `metrics.json` says.

    Raises:
        Misconfigured: the extra `train` is missing, or the films, the model or the folder can't be used.
    """
    from models.evaluation import report as papers
    from models.evaluation.figures import Bootstrap
    from models.evaluation.summary import summarise

    papers.require_toolkits()
    collection = _collection(request)
    papers.open_folder(request.out)
    model, verdicts = (
        _cross_validated(settings, request, collection) if request.folds else _judged(settings, request, collection)
    )
    watched = list(_watched(verdicts, len(collection.films)))
    click.echo("working out the intervals and drawing the report", err=True)
    found = summarise(
        watched,
        model=model,
        collection=collection,
        by=request.by,
        bootstrap=Bootstrap(resamples=request.resamples, seed=request.seed),
    )
    found = {"hilum": __version__, "evaluated_at": datetime.now(UTC).isoformat(timespec="seconds"), **found}
    papers.write_report(request.out, found, watched)
    return found


def read(path: Path) -> GreyImage | Unsuitable:
    """Return the film in a file, or why it is not classified: a DICOM header has to say frontal chest."""
    from dicom_node.films import read_film

    try:
        header, image = read_film(path)
    except OSError:
        return Unsuitable.UNREADABLE
    return image if image is not None else header.unsuitable or Unsuitable.UNREADABLE


def _collection(request: Request) -> Collection:
    from dicom_node.patients import patient_key
    from models.collection import read_collection, refuse_bad_rows

    collection = read_collection(request.data, identify=patient_key)
    if not request.skip_bad_rows:
        refuse_bad_rows(collection)
    if not collection.films:
        raise Misconfigured(f"{request.data} holds no film that can be judged")
    for column in request.by:
        _check_column(collection, column)
    return collection


def _check_column(collection: Collection, column: str) -> None:
    if column not in collection.columns:
        raise Misconfigured(f"--by {column}: no such column; there are {', '.join(collection.columns)}")
    values = {film.columns.get(column, "") for film in collection.films}
    if len(values) > _MOST_GROUPS:
        raise Misconfigured(f"--by {column}: {len(values)} different values are too many to group by")


def _judged(settings: Settings, request: Request, collection: Collection) -> tuple[Report, Iterable[Verdict]]:
    from hilum import bootstrap
    from models.evaluation.judge import judge
    from models.evaluation.summary import describe_model

    classifier = bootstrap.classifier(settings, request.model)
    return describe_model(classifier.model), judge(collection.films, classifier, read)


def _cross_validated(settings: Settings, request: Request, collection: Collection) -> tuple[Report, Iterable[Verdict]]:
    from hilum.train import fold_trainer
    from models.evaluation.folds import cross_validate
    from models.evaluation.report import FOLDS

    folds, architecture = request.folds or 0, request.architecture or ""
    options = {
        "architecture": architecture,
        "recipe_name": request.recipe,
        "weights": request.weights,
        "epochs": request.epochs,
        "steps": request.steps,
    }
    train = fold_trainer(settings, options, request.out / FOLDS, _fold_lines)
    model = {
        "name": architecture,
        "version": f"{folds}-fold cross-validation",
        "sha256": None,
        "undetermined_below": None,
        "covid19_from": None,
    }
    return model, cross_validate(collection.films, train, read, folds=folds, seed=request.seed)


def _fold_lines(stage: str, done: int, total: int, figures: dict[str, float]) -> None:
    """Tell how far the training of a fold is, where the bar belongs to the judging."""
    if done == total:
        shown = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
        click.echo(f"{stage} {done}/{total}  {shown}".rstrip(), err=True)


def _watched(verdicts: Iterable[Verdict], total: int) -> Iterable[Verdict]:
    from hilum.progress import progress

    with progress({}) as tell:
        for done, verdict in enumerate(verdicts, start=1):
            yield verdict
            tell("judging", done, total, {})


def _print_table(report: Report, out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from domain.findings import DISCLAIMER, Label
    from models.evaluation.report import PAGE, number, percent, spread

    title = f"{report['model']['name']} {report['model']['version']}"
    heads = ("source", "films", "accuracy", *(f"{label} found" for label in Label), "false COVID-19", "macro AUROC")
    table = Table(*heads, title=title, caption=DISCLAIMER)
    for name, group in [*report["by"]["source"].items(), ("all together", report["all"])]:
        found = group["all"]
        shares = [found["accuracy"], *(found["sensitivity"][label] for label in Label), found["false_covid19"]]
        cells = [f"{percent(figure)}\n{spread(figure)}" for figure in shares]
        table.add_row(name, str(group["films"]), *cells, number(group["auroc"]["macro"]), end_section=True)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    refused = report["all"]["refused"]
    click.echo(f"undetermined {percent(report['all']['undetermined'])}, refused {percent(refused)}")
    click.echo(f"report: {out / PAGE}")
