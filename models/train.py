"""Train the head on the frozen ImageNet backbone, measure it, and write a package: `python -m models.train --help`."""

# ruff: noqa: T201 - a program for the terminal

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.card import write_papers
from models.dataset import Film, patients_in, read_films, split, without
from models.evaluate import Report, fit_temperature, measure, measure_groups, softmax
from models.features import Features, cached, compute, film_input
from models.head import Recipe, fit, scores, targets
from models.onnx_export import Head, export
from models.package import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.onnx_export import BackboneWeights

METRICS = "metrics.json"
_COMPARED = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """Films with their features, one array a view; view 0 is the film itself."""

    films: list[Film]
    views: list[Features]

    def only(self, films: Sequence[Film]) -> Collection:
        """Return the part of the collection that holds the given films."""
        wanted = {film.file for film in films}
        rows = np.array([film.file in wanted for film in self.films], dtype=bool)
        kept = [film for film in self.films if film.file in wanted]
        return Collection(films=kept, views=[view[rows] for view in self.views])


def load_backbone(weights: Path) -> BackboneWeights:
    """Return the arrays of the converted Keras backbone by layer name."""
    from models.efficientnet_lite import build_backbone

    return {layer.name: layer.get_weights() for layer in build_backbone(weights).layers if layer.weights}


def train_head(collection: Collection, recipe: Recipe, seed: int) -> tuple[Head, Collection]:
    """Train on one side of the split, calibrate on the other; return the head and the validation films."""
    training, validation = (collection.only(side) for side in split(collection.films, seed))
    head = fit(training.views, training.films, recipe)
    temperature = fit_temperature(scores(head, validation.views[0]), targets(validation.films))
    return replace(head, temperature=temperature), validation


def probabilities(head: Head, collection: Collection) -> npt.NDArray[np.float64]:
    """Return the calibrated probabilities of unchanged films: float64 (films, classes)."""
    return softmax(scores(head, collection.views[0]), head.temperature)


def report(head: Head, collection: Collection) -> Report:
    """Measure a head on films it has not seen: all together, by folder, and by source."""
    found, classes = probabilities(head, collection), targets(collection.films)
    return {
        "all": measure(found, classes),
        "by_folder": measure_groups(found, classes, collection.films, lambda film: film.folder),
        "by_source": measure_groups(found, classes, collection.films, lambda film: film.source),
    }


def report_unseen(collection: Collection, folders: Sequence[str], recipe: Recipe, seed: int) -> Report:
    """Train without some folders and measure on them, leaving out patients that other folders show as well."""
    seen = [film for film in collection.films if film.folder not in folders]
    head, _ = train_head(collection.only(seen), recipe, seed)
    patients = frozenset(film.patient for film in seen)
    strangers = without([film for film in collection.films if film.folder in folders], patients)
    return {"folders": list(folders), **report(head, collection.only(strangers))}


def compact_storage(package: Path, exact: Path, data: Path, films: Sequence[Film]) -> Report:
    """Say how much the compact storage of weights changes the probabilities of up to 256 films."""
    inputs = np.stack([film_input(data, film, view=0) for film in films[:: len(films) // _COMPARED + 1]])
    compact, full = compute(package, inputs), compute(exact, inputs)
    changed = int((compact.argmax(axis=1) != full.argmax(axis=1)).sum())
    return {"films": len(inputs), "largest_change": float(np.abs(compact - full).max()), "classes_changed": changed}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="collection of films with its manifest.csv")
    parser.add_argument("--weights", type=Path, required=True, help="Keras weights file that models.convert wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the package to write")
    parser.add_argument("--cache", type=Path, required=True, help="folder for features, kept between runs")
    parser.add_argument("--exclude", type=Path, help="manifest of films whose patients must stay unseen")
    parser.add_argument(
        "--unseen", nargs="*", default=[], metavar="FOLDER", help="also train without these, test on them"
    )
    parser.add_argument("--name", default="chest-efficientnet-lite0")
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--views", type=int, default=5, help="1 for the films alone, more for changed copies too")
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(argv)


def _collect(arguments: argparse.Namespace, backbone: BackboneWeights) -> tuple[Collection, frozenset[str]]:
    excluded = patients_in(arguments.exclude) if arguments.exclude else frozenset()
    films = without(read_films(arguments.data), excluded)
    graph = arguments.cache / "backbone.onnx"
    export(graph, backbone)
    views = [cached(arguments.cache, graph, arguments.data, films, view) for view in range(arguments.views)]
    return Collection(films=films, views=views), excluded


def main(argv: Sequence[str] | None = None) -> int:
    """Train, measure and write the package with its metrics, manifest and model card."""
    arguments = _arguments(argv)
    recipe = Recipe(epochs=arguments.epochs, seed=arguments.seed)
    backbone = load_backbone(arguments.weights)
    collection, excluded = _collect(arguments, backbone)
    head, validation = train_head(collection, recipe, arguments.seed)
    metrics: Report = {
        "seed": arguments.seed,
        "excluded_patients": len(excluded),
        "validation": report(head, validation),
    }
    if arguments.unseen:
        metrics["unseen"] = report_unseen(collection, arguments.unseen, recipe, arguments.seed)
    export(arguments.out / WEIGHTS, backbone, head)
    exact = arguments.cache / "exact.onnx"
    export(exact, backbone, head, compact=False)
    metrics["compact_storage"] = compact_storage(arguments.out / WEIGHTS, exact, arguments.data, validation.films)
    (arguments.out / METRICS).write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    write_papers(arguments.out, name=arguments.name, version=arguments.version, films=collection.films, metrics=metrics)
    print(json.dumps(metrics["validation"], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
