"""Write a package: both networks in every form, the films that prove them, and the papers."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from domain.errors import Misconfigured
from domain.findings import Label, ModelVersion
from models.classifier import NetworkClassifier
from models.golden import FILMS, PROBABILITIES, results
from models.networks.architectures import NONE, build
from models.networks.lung_network import build_lung_network
from models.networks.onnx_export import export
from models.networks.weights_file import round_weights, save_arrays, save_weights_npz
from models.onnx_runtime import OnnxRuntime
from models.package import (
    CARD,
    CLASSIFIER,
    CLASSIFIER_WEIGHTS,
    GOLDEN,
    LABEL_CODES,
    LUNGS,
    LUNGS_WEIGHTS,
    MANIFEST,
    METRICS,
    Package,
    check_title,
    digest_of,
    load_package,
)
from models.preprocess import PREPROCESSING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from models.eligibility import Limits
    from models.looks import Look


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What becomes a package."""

    name: str
    version: str
    architecture: str
    network: keras.Model
    """The classifying network, as `models.networks.architectures.build` makes it, trained."""
    lungs: keras.Model
    """The lung network, as `models.networks.lung_network.build_lung_network` makes it, trained."""
    looks: tuple[Look, ...]
    temperature: float
    undetermined_below: float
    covid19_from: float
    limits: Limits
    golden: npt.NDArray[np.uint8]
    """Square films (films, 224, 224) whose probabilities every machine must reproduce."""
    training: Mapping[str, Any]
    """Data by source and licence, seed, recipe: for the manifest. Mappings in it become tables."""
    headline: Mapping[str, Any]
    """The figures that the manifest repeats."""
    metrics: Mapping[str, Any]
    """All figures: becomes `metrics.json`."""
    card: str
    """The model card, Markdown."""


def write_package(draft: Draft, folder: Path) -> Package:
    """Write the package into a folder of its own below `folder`, `NAME-VERSION`, and return it, checked.

    The weights are rounded to float16 first (`models.networks.weights_file.round_weights`), so every file holds one
    network. The folder appears complete or not at all.

    Raises:
        Misconfigured: the name or version can't be used, or such a folder is there already.
        ValueError: the weights do not fit the architecture or can't be rounded.
    """
    check_title(draft.name, draft.version)
    place = folder / f"{draft.name}-{draft.version}"
    if place.exists():
        raise Misconfigured(f"{place} is there already; give another version, or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".package-") as work:
        made = Path(work) / place.name
        made.mkdir(mode=0o755)
        _write_networks(draft, made)
        _write_golden(draft, made)
        (made / METRICS).write_text(json.dumps(draft.metrics, indent=1) + "\n", encoding="utf-8")
        (made / CARD).write_text(draft.card, encoding="utf-8")
        (made / MANIFEST).write_text(_manifest(draft, made), encoding="utf-8")
        load_package(made)
        made.rename(place)
    return load_package(place)


def _write_networks(draft: Draft, folder: Path) -> None:
    size = draft.network.input_shape[1]
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # a network trained in half precision is exported in float32
    try:
        classifier, lungs = build(draft.architecture, size, NONE), build_lung_network()
    finally:
        keras.config.set_dtype_policy(policy)
    for network, trained, graph, weights in (
        (classifier, draft.network, CLASSIFIER, CLASSIFIER_WEIGHTS),
        (lungs, draft.lungs, LUNGS, LUNGS_WEIGHTS),
    ):
        network.set_weights(trained.get_weights())
        round_weights(network)
        export(folder / graph, network)
        save_weights_npz(network, folder / weights)


def _write_golden(draft: Draft, folder: Path) -> None:
    package = Package(
        folder=folder,
        model=ModelVersion(name=draft.name, version=draft.version, sha256=""),
        architecture=draft.architecture,
        looks=draft.looks,
        size=draft.network.input_shape[1],
        temperature=draft.temperature,
        limits=draft.limits,
        parts={name: digest_of(folder / name) for name in (CLASSIFIER, LUNGS)},
        manifest={},
    )
    found = results(NetworkClassifier(package, OnnxRuntime(package)), draft.golden)
    save_arrays(folder / GOLDEN, {FILMS: draft.golden, PROBABILITIES: found})


def _manifest(draft: Draft, folder: Path) -> str:
    parts = {path.name: digest_of(path) for path in sorted(folder.iterdir())}
    values = {
        "name": draft.name,
        "version": draft.version,
        "architecture": draft.architecture,
        "labels": list(Label),
        "temperature": draft.temperature,
        "undetermined_below": draft.undetermined_below,
        "covid19_from": draft.covid19_from,
        "label_codes": {str(label): LABEL_CODES[label] for label in Label},
        "input": {
            "preprocessing": PREPROCESSING,
            "looks": list(draft.looks),
            "size": draft.network.input_shape[1],
        },
        "eligibility": asdict(draft.limits),
        "training": draft.training,
        "metrics": draft.headline,
        "parts": parts,
    }
    return "\n".join(_toml(values)) + "\n"


def _toml(values: Mapping[str, Any], table: str = "") -> Iterator[str]:
    """Yield the lines of a table and of the tables in it; None is left out, for TOML has no such value."""
    plain = {key: value for key, value in values.items() if value is not None and not isinstance(value, Mapping)}
    inner = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    if table and (plain or not inner):
        yield from ("", f"[{table}]")
    yield from (f"{_key(key)} = {json.dumps(value, ensure_ascii=False)}" for key, value in plain.items())
    for key, value in inner.items():
        yield from _toml(value, f"{table}.{_key(key)}" if table else _key(key))


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text, ensure_ascii=False)
