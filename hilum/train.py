"""`hilum train`: from labelled films to a package, with its figures and papers."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domain.errors import Misconfigured
from domain.film import Unsuitable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from domain.ports import Classifier
    from hilum.cli import Loaded
    from hilum.progress import Tell
    from hilum.settings import Settings
    from models.collection import LabelledFilm
    from models.evaluation.folds import Train
    from models.package import Package
    from models.training.recipes import Recipe
    from models.training.workshop import Order

_SHOWN = {"loss": "loss", "accuracy": "accuracy", "val_accuracy": "val accuracy", "val_macro_auroc": "val macro AUROC"}
_PLACE = click.Path(path_type=Path)
_NO_SOURCES: dict[str, Any] = {"data": (), "lungs_only": (), "validation": (), "hold_out": (), "exclude": ()}
_ARCHITECTURES = ("efficientnet_lite0", "resnet50v2", "densenet121", "custom_cnn")


@click.command()
@click.option(
    "--data",
    required=True,
    multiple=True,
    type=_PLACE,
    help="Films: a manifest CSV, a folder with a manifest.csv, or a folder per class. May be repeated.",
)
@click.option(
    "--lungs-only", multiple=True, type=_PLACE, help="Films in which all but the lungs is black. May be repeated."
)
@click.option(
    "--validation", multiple=True, type=_PLACE, help="Films to watch the training on; else a fifth of the patients."
)
@click.option(
    "--hold-out",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Films that stay unseen, with their patients, and are measured on: source=NAME, folder=NAME. May be repeated.",
)
@click.option(
    "--exclude", multiple=True, type=_PLACE, help="Films whose patients must stay unseen, like demonstration films."
)
@click.option("--architecture", default=_ARCHITECTURES[0], show_default=True, type=click.Choice(_ARCHITECTURES))
@click.option(
    "--recipe",
    "recipe_name",
    default="hilum",
    show_default=True,
    type=click.Choice(["hilum", "paper"]),
    help="How to train: Hilum's way, or the reference paper's.",
)
@click.option(
    "--weights",
    default="imagenet",
    show_default=True,
    metavar="imagenet|none|FILE|PACKAGE",
    help="First weights; those of a package: its training goes on.",
)
@click.option(
    "--lungs",
    type=_PLACE,
    help="Package, or weights from `hilum train-lungs`, that finds the lungs; else the active network's.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of the recipe's.")
@click.option("--steps", type=click.IntRange(min=1), help="Batches an epoch, instead of the recipe's.")
@click.option("--batch", type=click.IntRange(min=1), help="Films a batch, instead of the recipe's.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), help="Instead of the recipe's.")
@click.option(
    "--size",
    type=click.IntRange(min=32, max=512),
    help="Rows and columns of a look in pixels, instead of the recipe's.",
)
@click.option(
    "--frozen-layers",
    type=click.IntRange(min=0),
    help="First layers of the backbone that keep their first weights, instead of the recipe's number.",
)
@click.option(
    "--undetermined-below",
    default=0.6,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="A result whose highest probability is lower names no class.",
)
@click.option(
    "--covid19-from",
    default=0.8,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="COVID-19 is named from this probability on only; likeliest with less, it is undetermined.",
)
@click.option(
    "--seed", default=7, show_default=True, type=click.IntRange(min=0), help="Decides the split and the training."
)
@click.option(
    "--rehearsal",
    type=_PLACE,
    help="Package of a network trained alike with sources held out: its figures on them go into the card.",
)
@click.option("--name", default="chest-xray", show_default=True, help="The network's name.")
@click.option("--version", default="0.1.0", show_default=True, help="The network's version.")
@click.option("--out", required=True, type=_PLACE, help="Folder for the package, the training's state and its logs.")
@click.pass_obj
def train(loaded: Loaded, /, **options: Any) -> None:  # noqa: ANN401 - click's options, each of its own type
    """Train a network, measure it on patients it has not seen, and write it as a package.

    The folder named by --out receives NAME-VERSION (for `hilum models install`), measured.csv (the films its figures
    come from, for `hilum evaluate`), logs for TensorBoard, and the state after each epoch: the same command takes up an
    interrupted training. Films of one patient stay on one side.
    """
    from hilum.progress import progress

    with progress(_SHOWN) as tell:
        package = run(loaded.settings(), options, tell)
    click.echo(f"{package.folder}\nNext: hilum models install {package.folder}")


def run(settings: Settings, options: dict[str, Any], tell: Tell) -> Package:
    """Train, calibrate, measure and package a network.

    Raises:
        Misconfigured: the extra `train` is not installed, or the films, the weights or the order can't be used.
    """
    from dicom_node.films import read_pixels
    from dicom_node.patients import patient_key
    from hilum import bootstrap, log
    from hilum.training_packages import training_packages
    from models.package import load_package

    log.silence_toolkits()
    with training_packages():
        from models.training import handover, workshop
    lungs = options["lungs"] or bootstrap.package(settings).folder
    rehearsal = handover.rehearsed(load_package(options["rehearsal"])) if options["rehearsal"] else None
    if rehearsal is not None and options["hold_out"]:
        raise Misconfigured("--rehearsal is for a network that is shown every source: leave --hold-out away")
    order = _order(options, lungs)
    trained = workshop.make(order, read=read_pixels, tell=tell, identify=patient_key)
    wanted = handover.Handover(
        name=options["name"],
        version=options["version"],
        undetermined_below=options["undetermined_below"],
        covid19_from=options["covid19_from"],
        golden=demo_squares(),
        unseen=trained.held_out,
        rehearsal=rehearsal,
    )
    return handover.hand_over(trained, order, wanted, read=read_pixels, tell=tell, folder=options["out"])


def fold_trainer(settings: Settings, options: dict[str, Any], out: Path, tell: Tell) -> Train:
    """Return what trains the networks of a cross-validation; each keeps its state in a folder of its own below `out`.

    `options` are those of `hilum train` that name architecture, recipe, first weights, epochs and steps.

    Raises:
        Misconfigured: the paper has no recipe for the architecture, or the extra `train` is not installed.
    """
    from dicom_node.films import read_pixels
    from hilum import bootstrap
    from hilum.training_packages import training_packages

    with training_packages():
        from models.training import examples, handover, workshop

    complete = dict.fromkeys(("batch", "learning_rate", "size", "frozen_layers")) | _NO_SOURCES | options
    order = _order({**complete, "out": out, "seed": 0}, bootstrap.package(settings).folder)
    wanted = handover.Handover(
        name=options["architecture"].replace("_", "-"),
        version="0.0.0",
        undetermined_below=0.0,
        covid19_from=0.0,
        golden=demo_squares(),
    )

    def train_fold(training: Sequence[LabelledFilm], validation: Sequence[LabelledFilm], seed: int) -> Classifier:
        pool = examples.pool_of(training, validation, seed)
        here = replace(order, out=out / f"seed-{seed}")
        trained = workshop.make_from(pool, here, read=read_pixels, tell=tell)
        return handover.classifier_of(trained, here, wanted)

    return train_fold


def demo_squares() -> npt.NDArray[np.uint8]:
    """Return the bundled films, which may be given away: uint8 (films, 224, 224)."""
    import numpy as np

    from dicom_node.films import read_pixels
    from models.preprocess import prepare

    squares = []
    for file in sorted(Path(str(resources("hilum.demo"))).joinpath("films").rglob("*.jpg")):
        image = read_pixels(file)
        if not isinstance(image, Unsuitable):
            squares.append(np.round(prepare(image) * 255).astype(np.uint8))
    return np.stack(squares)


def _order(options: dict[str, Any], lungs: Path) -> Order:
    from models.training.examples import Sources
    from models.training.recipes import recipe
    from models.training.workshop import Order

    weights = options["weights"]
    return Order(
        architecture=options["architecture"],
        recipe=_changed(recipe(options["recipe_name"], options["architecture"]), options),
        weights=weights if weights in {"imagenet", "none"} else Path(weights),
        sources=Sources(
            films=options["data"],
            lungs_only=options["lungs_only"],
            validation=options["validation"],
            held_out=frozenset(options["hold_out"]),
            excluded=options["exclude"],
            seed=options["seed"],
        ),
        lungs=lungs,
        out=options["out"],
    )


def _changed(recipe: Recipe, options: dict[str, Any]) -> Recipe:
    named = ("epochs", "steps", "batch", "learning_rate", "size", "frozen_layers")
    return replace(recipe, **{name: options[name] for name in named if options[name] is not None})
