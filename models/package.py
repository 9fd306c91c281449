"""A trained network as it is handed on: a folder with two networks, a manifest that says what they are, and papers."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.errors import Misconfigured
from domain.findings import Label, ModelVersion
from models.eligibility import Limits
from models.looks import Look
from models.preprocess import PREPROCESSING

MANIFEST = "manifest.toml"
CLASSIFIER = "classifier.onnx"
LUNGS = "lungs.onnx"
CLASSIFIER_WEIGHTS = "classifier.weights.npz"
LUNGS_WEIGHTS = "lungs.weights.npz"
GOLDEN = "golden.npz"
METRICS = "metrics.json"
CARD = "MODEL_CARD.md"
PARTS = (CLASSIFIER, LUNGS, CLASSIFIER_WEIGHTS, LUNGS_WEIGHTS, GOLDEN, METRICS, CARD)
"""What every package holds beside its manifest; a manifest may name more."""
SHIPPED = Path(__file__).parent / "shipped"

LABEL_CODES: Mapping[Label, str] = {
    Label.COVID19: "882784691000119100",
    Label.NORMAL: "17621005",
    Label.PNEUMONIA: "233604007",
}
"""SNOMED CT: pneumonia caused by SARS-CoV-2, normal, pneumonia."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}")
_SMALLEST, _LARGEST = 32, 1024
"""Rows and columns of a look."""
_AGAIN = "fetch or install the package again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A network whose files are the ones its manifest speaks of."""

    folder: Path
    model: ModelVersion
    """Its identity is the SHA-256 of the lines `file SHA-256`, sorted, of all files with the manifest."""
    architecture: str
    """Name of the classifying network, as `models.networks.architectures` knows it."""
    looks: tuple[Look, ...]
    """What the classifying network is shown of a film."""
    size: int
    """Rows and columns of a look, in pixels."""
    temperature: float
    """Class scores are divided by it before the softmax (Guo et al., arXiv:1706.04599)."""
    limits: Limits
    parts: Mapping[str, str] = field(repr=False)
    """SHA-256 of every file but the manifest, in hexadecimal."""
    manifest: Mapping[str, Any] = field(repr=False)

    @property
    def title(self) -> str:
        """Name and version, as the folder is called."""
        return f"{self.model.name}-{self.model.version}"

    @property
    def card(self) -> Path:
        """The model card: intended use, data, figures and limits."""
        return self.folder / CARD

    def read(self, part: str) -> bytes:
        """Return the content of a file, checked once more.

        Raises:
            Misconfigured: it was changed or removed since the package was loaded.
        """
        content = _read(self.folder / part)
        _check_digest(self.folder / part, hashlib.sha256(content).hexdigest(), self.parts[part])
        return content


def shipped_package() -> Path:
    """Return the folder of the network that comes with Hilum, the newest if there are several.

    Raises:
        Misconfigured: the installation holds none.
    """
    titles = [path.parent.name for path in SHIPPED.glob(f"*/{MANIFEST}") if split_title(path.parent.name)]
    if not titles:
        raise Misconfigured(f"{SHIPPED} holds no network; reinstall Hilum")
    return SHIPPED / max(titles, key=version_order)


def load_package(folder: Path | None = None) -> Package:
    """Return the network in a folder, the shipped one by default, after checking every file.

    Raises:
        Misconfigured: a file is missing, damaged or not in the manifest, or the network was made for other classes,
            another preprocessing or other looks than this version of Hilum knows.
    """
    folder = shipped_package() if folder is None else folder
    content = _read(folder / MANIFEST)
    manifest = _parse(folder / MANIFEST, content)
    try:
        parts = {str(name): str(digest) for name, digest in manifest["parts"].items()}
        check_title(str(manifest["name"]), str(manifest["version"]))
        _check_meaning(folder, manifest)
        _check_files(folder, parts)
        return _package(folder, manifest, parts, identity({**parts, MANIFEST: hashlib.sha256(content).hexdigest()}))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"{folder / MANIFEST} lacks an entry or has one of a wrong kind: {error}") from error


def identity(digests: Mapping[str, str]) -> str:
    """Return the SHA-256 over the sorted lines `file SHA-256`, in hexadecimal."""
    lines = sorted(f"{name} {digest}" for name, digest in digests.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Raises:
        Misconfigured: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Misconfigured(f"the network's file {path} can't be read: {error.strerror}; {_AGAIN}") from error


def check_title(name: str, version: str) -> None:
    """Refuse a name or a version that can't name a package.

    Raises:
        Misconfigured: the text says what is allowed.
    """
    if not _NAME.fullmatch(name):
        raise Misconfigured(f"{name!r} can't name a network: small letters and digits, with single hyphens between")
    if not _VERSION.fullmatch(version):
        raise Misconfigured(f"{version!r} is no version of a network: three numbers with dots, like 1.0.2")


def split_title(title: str) -> tuple[str, str] | None:
    """Return name and version of `NAME-VERSION`, or None where the text is no such thing."""
    name, _, version = title.rpartition("-")
    return (name, version) if _NAME.fullmatch(name) and _VERSION.fullmatch(version) else None


def version_order(title: str) -> tuple[int, ...]:
    """Return what `NAME-VERSION` is sorted by, so that 0.10.0 comes after 0.9.0."""
    return tuple(int(number) for number in title.rpartition("-")[2].split("."))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"the network's file {path} can't be read: {error.strerror}; {_AGAIN}") from error


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8"))
    except ValueError as error:
        raise Misconfigured(f"{path} is not valid TOML: {error}") from error


def _check_files(folder: Path, parts: Mapping[str, str]) -> None:
    missing = [name for name in PARTS if name not in parts]
    if missing:
        raise Misconfigured(f"{folder / MANIFEST} does not name {', '.join(missing)}; {_AGAIN}")
    odd = [name for name in parts if Path(name).name != name]
    if odd:
        raise Misconfigured(f"{folder / MANIFEST} names {odd[0]!r}, which is no file of its folder; {_AGAIN}")
    for name, expected in parts.items():
        _check_digest(folder / name, digest_of(folder / name), expected)
    extra = sorted({path.name for path in folder.iterdir()} - {MANIFEST, *parts})
    if extra:
        raise Misconfigured(f"{folder} holds {', '.join(extra)}, of which its manifest does not speak; remove it")


def _check_digest(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise Misconfigured(
            f"{path} has SHA-256 {found}, but the manifest says {expected}: it is damaged or was replaced; {_AGAIN}"
        )


def _check_meaning(folder: Path, manifest: Mapping[str, Any]) -> None:
    labels = [str(label) for label in Label]
    if manifest["labels"] != labels or manifest["label_codes"] != {str(key): LABEL_CODES[key] for key in Label}:
        raise Misconfigured(
            f"the network in {folder} names the classes {manifest['labels']} with the codes {manifest['label_codes']}; "
            f"Hilum knows {labels}, each with its own code"
        )
    shown = manifest["input"]
    if shown["preprocessing"] != PREPROCESSING:
        raise Misconfigured(
            f"the network in {folder} needs the preprocessing {shown['preprocessing']!r}; this version of Hilum does "
            f"{PREPROCESSING!r}: install a version of the network that is made for it"
        )
    looks = shown["looks"]
    if not isinstance(looks, list) or not looks or any(look not in tuple(Look) for look in looks):
        raise Misconfigured(f"the network in {folder} wants the looks {looks}; known: {', '.join(Look)}")
    if not isinstance(shown["size"], int) or not _SMALLEST <= shown["size"] <= _LARGEST:
        raise Misconfigured(f"the network in {folder} wants looks of {shown['size']} pixels; {_SMALLEST} to {_LARGEST}")


def _package(folder: Path, manifest: Mapping[str, Any], parts: Mapping[str, str], sha256: str) -> Package:
    temperature = float(manifest["temperature"])
    thresholds = {name: float(manifest[name]) for name in ("undetermined_below", "covid19_from")}
    limits = {str(key): float(value) for key, value in manifest["eligibility"].items()}
    if not 0.0 < temperature < float("inf"):
        raise ValueError("temperature must be above 0")
    if not all(0.0 <= value <= 1.0 for value in (*thresholds.values(), *limits.values())):
        raise ValueError("undetermined_below, covid19_from and the eligibility limits lie between 0 and 1")
    return Package(
        folder=folder,
        model=ModelVersion(name=manifest["name"], version=manifest["version"], sha256=sha256, **thresholds),
        architecture=str(manifest["architecture"]),
        looks=tuple(Look(look) for look in manifest["input"]["looks"]),
        size=manifest["input"]["size"],
        temperature=temperature,
        limits=Limits(**limits),
        parts=parts,
        manifest=manifest,
    )
