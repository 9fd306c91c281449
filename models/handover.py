"""Measure a trained network on films it has not learned from, and hand it over as a package."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.card import NOT_MEASURED, card, data_table, figures_table, headline, licence_of, recipe_sentence
from models.classifier import NetworkClassifier
from models.collection import FOLDER, Collection
from models.eligibility import Limits
from models.figures import Bootstrap
from models.judge import judge
from models.onnx_runtime import OnnxRuntime
from models.packaging import Draft, write_package
from models.summary import describe_model, summarise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from models.collection import LabelledFilm
    from models.figures import Report
    from models.package import Package
    from models.prepared import Read
    from models.workshop import Order, Tell, Trained

_BATCH = 64
_MEASURED = "measure"


@dataclass(frozen=True, kw_only=True, slots=True)
class Handover:
    """What a package needs beside the networks."""

    name: str
    version: str
    undetermined_below: float
    golden: npt.NDArray[np.uint8]
    """Films (films, 224, 224) that travel with the network, see `models.golden`: they must be free to give away."""
    unseen: Sequence[LabelledFilm] = ()
    """Films of whole sources that were held out."""
    resamples: int = 1000


def hand_over(trained: Trained, order: Order, handover: Handover, *, read: Read, tell: Tell, folder: Path) -> Package:
    """Measure the network as it will serve, on the validation films and on held-out sources, and write its package.

    Raises:
        Misconfigured: the name or version can't be used, or the package is there already.
    """
    draft = _draft(trained, order, handover)
    classifier = classifier_of(trained, order, handover)
    reports = {"validation": _measure(classifier, trained.watched, order, handover, read, tell)}
    if handover.unseen:
        reports["unseen"] = _measure(classifier, handover.unseen, order, handover, read, tell)
    told = _tell(trained, order, handover, reports)
    return write_package(replace(draft, metrics=reports, headline=headline(reports["validation"]), card=told), folder)


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


def _measure(
    classifier: NetworkClassifier,
    films: Sequence[LabelledFilm],
    order: Order,
    handover: Handover,
    read: Read,
    tell: Tell,
) -> Report:
    verdicts = []
    for verdict in judge(films, classifier, read):
        verdicts.append(verdict)
        if len(verdicts) % _BATCH == 0 or len(verdicts) == len(films):
            tell(_MEASURED, len(verdicts), len(films), {})
    return summarise(
        verdicts,
        model=describe_model(classifier.model),
        collection=Collection(place=Path(order.sources.films[0]), films=tuple(films)),
        by=[FOLDER],
        bootstrap=Bootstrap(resamples=handover.resamples, seed=order.sources.seed),
    )


def _tell(trained: Trained, order: Order, handover: Handover, reports: dict[str, Report]) -> str:
    held = ", ".join(f"`{name}`" for name in sorted(order.sources.held_out))
    values: dict[str, Any] = {
        "name": handover.name,
        "version": handover.version,
        "architecture": order.architecture,
        "looks": ", ".join(order.recipe.looks),
        "size": order.recipe.size,
        "temperature": f"{trained.temperature:.2f}",
        "threshold": handover.undetermined_below,
        "data": data_table(trained.films, trained.lungs_only),
        "left_out": (f"the sources {held}; " if held else "")
        + f"the films of {len(trained.pool.unseen)} patients, held-out and demonstration patients together",
        "recipe": recipe_sentence(order.recipe, order.architecture, str(order.weights)),
        "seed": order.sources.seed,
        "twins": trained.sides.twins,
        "validation": figures_table(reports["validation"], FOLDER),
        "unseen": figures_table(reports["unseen"], FOLDER) if "unseen" in reports else NOT_MEASURED,
    }
    return card({key: str(value) for key, value in values.items()})
