"""Measure a trained network on films it has not learned from, and hand it over as a package."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.errors import Misconfigured
from models.card import (
    NOT_MEASURED,
    card,
    data_table,
    figures_table,
    headline,
    licence_of,
    lungs_table,
    recipe_sentence,
)
from models.classifier import NetworkClassifier
from models.collection import FOLDER, Collection
from models.eligibility import Limits
from models.evaluation.figures import Bootstrap
from models.evaluation.judge import judge
from models.evaluation.summary import describe_model, summarise
from models.onnx_runtime import OnnxRuntime
from models.package import METRICS
from models.packaging import Draft, write_package
from models.training.sides_file import UNSEEN, VALIDATION, write_sides

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from models.collection import LabelledFilm
    from models.evaluation.figures import Report
    from models.evaluation.judge import Verdict
    from models.package import Package
    from models.training.prepared import Read
    from models.training.workshop import Order, Tell, Trained

_BATCH = 64
_MEASURED = "measure"
HELD_OUT, REHEARSAL, LUNGS = "held_out", "rehearsal", "lungs"
"""Reports in `metrics.json` beside those on the two sides: on both together, a rehearsal's three, the lung network's.
"""
MEASURED = "measured.csv"
"""Manifest of the films that the figures come from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Handover:
    """What a package needs beside the networks."""

    name: str
    version: str
    undetermined_below: float
    covid19_from: float
    golden: npt.NDArray[np.uint8]
    """Films (films, 224, 224) that travel with the network, see `models.golden`: they must be free to give away."""
    unseen: Sequence[LabelledFilm] = ()
    """Films of whole sources that were held out."""
    rehearsal: Report | None = None
    """Figures of a network trained alike while whole sources were held out (`rehearsed`); the papers repeat them."""
    resamples: int = 1000


def rehearsed(package: Package) -> Report:
    """Return the figures of a rehearsal: of a network on the sources that it was not shown.

    Raises:
        Misconfigured: it was shown all of them.
    """
    metrics = json.loads((package.folder / METRICS).read_text(encoding="utf-8"))
    if not {UNSEEN, HELD_OUT} <= metrics.keys():
        raise Misconfigured(f"{package.title} was trained without holding out a source (--hold-out)")
    return {"name": package.title, **{name: metrics[name] for name in (VALIDATION, UNSEEN, HELD_OUT)}}


def hand_over(trained: Trained, order: Order, handover: Handover, *, read: Read, tell: Tell, folder: Path) -> Package:
    """Measure the network as it will serve, on the validation films and on held-out sources, and write its package.

    `folder` receives the package, and the manifest of the films that it was measured on.

    Raises:
        Misconfigured: the name or version can't be used, or the package is there already.
    """
    write_sides(folder / MEASURED, trained.watched, handover.unseen)
    draft = _draft(trained, order, handover)
    classifier = classifier_of(trained, order, handover)
    watched = _judge(classifier, trained.watched, read, tell)
    reports = {VALIDATION: _summarise(classifier, watched, order, handover)}
    if handover.unseen:
        unseen = _judge(classifier, handover.unseen, read, tell)
        reports[UNSEEN] = _summarise(classifier, unseen, order, handover)
        reports[HELD_OUT] = _summarise(classifier, [*watched, *unseen], order, handover)
    if handover.rehearsal is not None:
        reports[REHEARSAL] = handover.rehearsal
    if trained.lung_figures is not None:
        reports[LUNGS] = trained.lung_figures
    told = _tell(trained, order, handover, reports)
    return write_package(replace(draft, metrics=reports, headline=headline(reports[VALIDATION]), card=told), folder)


def classifier_of(trained: Trained, order: Order, handover: Handover) -> NetworkClassifier:
    """Return the network as it would serve, without measuring it or keeping a package."""
    with tempfile.TemporaryDirectory() as place:
        package = write_package(_draft(trained, order, handover), Path(place))
        return NetworkClassifier(package, OnnxRuntime(package))


def _draft(trained: Trained, order: Order, handover: Handover) -> Draft:
    films = trained.films
    counts = Counter(f"{film.source}.{film.label}" for film in films)
    return Draft(
        name=handover.name,
        version=handover.version,
        architecture=order.architecture,
        network=trained.network,
        lungs=trained.lungs,
        looks=order.recipe.looks,
        temperature=trained.temperature,
        undetermined_below=handover.undetermined_below,
        covid19_from=handover.covid19_from,
        limits=Limits(),
        golden=handover.golden,
        training={
            "recipe": order.recipe.name,
            "seed": order.sources.seed,
            "held_out": sorted(order.sources.held_out),
            "films": dict(sorted(counts.items())),
            "lungs_only": trained.lungs_only,
            "licences": dict(sorted(Counter(licence_of(film) for film in films).items())),
        },
        headline={},
        metrics={},
        card="",
    )


def _judge(classifier: NetworkClassifier, films: Sequence[LabelledFilm], read: Read, tell: Tell) -> list[Verdict]:
    verdicts = []
    for verdict in judge(films, classifier, read):
        verdicts.append(verdict)
        if len(verdicts) % _BATCH == 0 or len(verdicts) == len(films):
            tell(_MEASURED, len(verdicts), len(films), {})
    return verdicts


def _summarise(classifier: NetworkClassifier, verdicts: Sequence[Verdict], order: Order, handover: Handover) -> Report:
    return summarise(
        verdicts,
        model=describe_model(classifier.model),
        collection=Collection(place=Path(order.sources.films[0]), films=tuple(verdict.film for verdict in verdicts)),
        by=[FOLDER],
        bootstrap=Bootstrap(resamples=handover.resamples, seed=order.sources.seed),
    )


def _unseen(reports: Report) -> str:
    """Return the card's section on sources that took no part in the training."""
    if REHEARSAL in reports:
        rehearsal = reports[REHEARSAL]
        start = (
            f"This network has learned from every source. The figures are those of {rehearsal['name']}, trained alike "
            "but without the sources in the first rows: what a hospital that gave no films may expect.\n\n"
        )
        return start + _unseen_table(rehearsal)
    return _unseen_table(reports) if UNSEEN in reports else NOT_MEASURED


def _unseen_table(reports: Report) -> str:
    unseen = reports[UNSEEN]
    return figures_table(
        {
            **unseen["by"][FOLDER],
            "together": unseen["all"],
            "these and the validation films": reports[HELD_OUT]["all"],
        }
    )


def _tell(trained: Trained, order: Order, handover: Handover, reports: Report) -> str:
    held = ", ".join(f"`{name}`" for name in sorted(order.sources.held_out))
    values: dict[str, Any] = {
        "name": handover.name,
        "version": handover.version,
        "architecture": order.architecture,
        "looks": ", ".join(order.recipe.looks),
        "size": order.recipe.size,
        "temperature": f"{trained.temperature:.2f}",
        "threshold": handover.undetermined_below,
        "covid19_from": handover.covid19_from,
        "data": data_table(trained.films, trained.lungs_only),
        "left_out": (f"the sources {held}; " if held else "")
        + f"the films of {len(trained.pool.unseen)} patients, held-out and demonstration patients together",
        "recipe": recipe_sentence(order.recipe, order.architecture, str(order.weights)),
        "seed": order.sources.seed,
        "twins": trained.sides.twins,
        "validation": figures_table({**reports[VALIDATION]["by"][FOLDER], "together": reports[VALIDATION]["all"]}),
        "unseen": _unseen(reports),
        "lungs": lungs_table(reports[LUNGS]) if LUNGS in reports else NOT_MEASURED,
    }
    return card({key: str(value) for key, value in values.items()})
