"""A network as it is shipped: one folder with the weights, a manifest that says what they are, and a model card."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.errors import Misconfigured
from domain.findings import Label, ModelVersion
from models.preprocess import PREPROCESSING

SHIPPED = Path(__file__).parent / "shipped"
MANIFEST = "manifest.toml"
WEIGHTS = "model.onnx"
CARD = "MODEL_CARD.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A network whose bytes are the ones its manifest speaks of."""

    folder: Path
    model: ModelVersion
    weights: bytes = field(repr=False)
    """Content of the ONNX file."""

    @property
    def card(self) -> Path:
        """The model card: intended use, data, figures and limits."""
        return self.folder / CARD


def shipped_package() -> Path:
    """Return the folder of the network that comes with Hilum.

    Raises:
        Misconfigured: the installation holds none, or more than one.
    """
    folders = sorted(path.parent for path in SHIPPED.glob(f"*/{MANIFEST}"))
    if len(folders) != 1:
        raise Misconfigured(f"{SHIPPED} must hold exactly one network, but holds {len(folders)}; reinstall Hilum")
    return folders[0]


def load_package(folder: Path | None = None) -> Package:
    """Return the network in a folder, the shipped one by default, after checking it.

    Raises:
        Misconfigured: a file is missing or unreadable, the weights are not those the manifest speaks of, or the
            network was made for other classes or another preprocessing than this version of Hilum.
    """
    folder = shipped_package() if folder is None else folder
    manifest = _read_manifest(folder / MANIFEST)
    weights = _read(folder / WEIGHTS)
    try:
        _check(folder, manifest, weights)
        return Package(folder=folder, model=_version(manifest), weights=weights)
    except (KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"{folder / MANIFEST} lacks an entry or has one of a wrong kind: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"the network's file {path} can't be read: {error.strerror}") from error


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read(path).decode("utf-8"))
    except ValueError as error:
        raise Misconfigured(f"{path} is not valid TOML: {error}") from error


def _check(folder: Path, manifest: dict[str, Any], weights: bytes) -> None:
    digest = hashlib.sha256(weights).hexdigest()
    if digest != manifest["sha256"]:
        raise Misconfigured(
            f"{folder / WEIGHTS} has SHA-256 {digest}, but the manifest says {manifest['sha256']}: "
            "the file is damaged or was replaced; install the network again"
        )
    if manifest["labels"] != [str(label) for label in Label]:
        raise Misconfigured(f"the network in {folder} names the classes {manifest['labels']}, not those of Hilum")
    if manifest["input"]["preprocessing"] != PREPROCESSING:
        raise Misconfigured(f"the network in {folder} needs the preprocessing {manifest['input']['preprocessing']}")


def _version(manifest: dict[str, Any]) -> ModelVersion:
    return ModelVersion(
        name=str(manifest["name"]),
        version=str(manifest["version"]),
        sha256=str(manifest["sha256"]),
        undetermined_below=float(manifest["undetermined_below"]),
    )
