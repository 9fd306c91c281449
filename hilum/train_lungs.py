"""`hilum train-lungs`: from films and masks to the network that finds the lungs and refuses what is no chest film."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from models.lungs.training import LungTraining

_SHOWN = {"loss": "loss", "val_dice": "Dice", "val_kept": "kept", "val_refused": "refused"}
_PLACE = click.Path(path_type=Path)


@click.command("train-lungs")
@click.option("--films", required=True, type=_PLACE, help="Frontal chest films: a manifest or a folder per class.")
@click.option("--masks", required=True, type=_PLACE, help="Folder of masks: PNG, same sub-paths, not 0 is lung.")
@click.option("--not-eligible", multiple=True, type=_PLACE, help="Folder of what must be refused; may be repeated.")
@click.option("--leave-out", type=_PLACE, help="Text file of films or pictures to leave out, one sub-path a line.")
@click.option("--out", required=True, type=_PLACE, help="Folder for weights, figures, contact sheet and logs.")
@click.option("--epochs", default=24, show_default=True, type=click.IntRange(min=1))
@click.option("--steps", default=150, show_default=True, type=click.IntRange(min=1), help="Batches an epoch.")
@click.option("--batch", default=32, show_default=True, type=click.IntRange(min=8), help="Pictures a batch.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(min=0), help="Decides who is held out.")
def train_lungs(**options: Any) -> None:  # noqa: ANN401 - click's options, each of its own type
    """Train the network that finds the lungs and tells an upright frontal chest film from anything else.

    A fifth of the patients is held out, and the figures come from them: Dice, films kept, other pictures refused.
    Pictures of much that is no chest film are made up on the way, so --not-eligible may be left out.

    The folder named by --out receives lungs.weights.npz, lungs.metrics.json, lungs.png (24 films with the outlines of
    given and found lungs: look at it), and logs for TensorBoard. The same command takes up an interrupted training
    after its last whole epoch.
    """
    from hilum import log
    from hilum.progress import progress
    from hilum.training_packages import training_packages

    log.silence_toolkits()
    with training_packages():
        from models.lungs import training as lung_training
    with progress(_SHOWN) as tell:
        training = _training(options, tell)
        figures = lung_training.train_lungs(training)
    click.echo(_summary(figures))
    click.echo(f"written to {training.out}: {lung_training.WEIGHTS}, {lung_training.METRICS}, {lung_training.SHEET}")


def _training(options: dict[str, Any], tell: Any) -> LungTraining:  # noqa: ANN401 - a `hilum.progress.Tell`
    from dicom_node.films import read_pixels
    from models.lungs.films import LungSources
    from models.lungs.training import LungTraining

    return LungTraining(
        sources=LungSources(
            films=options["films"],
            masks=options["masks"],
            not_eligible=options["not_eligible"],
            leave_out=options["leave_out"],
            seed=options["seed"],
        ),
        out=options["out"],
        read=read_pixels,
        report=tell,
        epochs=options["epochs"],
        steps=options["steps"],
        batch=options["batch"],
    )


def _summary(figures: dict[str, Any]) -> str:
    lines = [f"Dice of {figures['dice']['all']['films']} films held out: {_share(figures['dice']['all'])}"]
    for key, name in (
        ("frontal_films_kept", "frontal films kept"),
        ("not_eligible_refused", "other pictures refused"),
        ("made_up_refused", "made-up pictures refused"),
    ):
        share = figures[key]["verdict"]
        lines.append(f"{name}: {share['count']} of {share['of']}" if share["of"] else f"{name}: there were none")
    return "\n".join(lines)


def _share(figure: dict[str, Any]) -> str:
    interval = figure["interval_95"]
    return f"{figure['value']:.3f}" + (f" (95 %: {interval[0]:.3f} to {interval[1]:.3f})" if interval else "")
