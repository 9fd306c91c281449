from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from domain.errors import Misconfigured
from models.classifier import OnnxClassifier
from models.package import load_package, shipped_package

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped network that a test may spoil."""
    return shutil.copytree(shipped_package(), tmp_path / "network")


def test_the_shipped_network_is_what_its_manifest_says() -> None:
    """The network in the repository has the SHA-256 of its manifest, a version and a model card."""
    package = load_package()
    assert len(package.model.sha256) == 64
    assert package.folder.name == f"{package.model.name}-{package.model.version}"
    assert package.model.sha256 in package.card.read_text(encoding="utf-8")


def test_tampered_weights_are_refused(copy: Path) -> None:
    """One changed byte in the weights is enough to refuse the network."""
    weights = bytearray((copy / "model.onnx").read_bytes())
    weights[len(weights) // 2] ^= 1
    (copy / "model.onnx").write_bytes(weights)
    with pytest.raises(Misconfigured, match="damaged or was replaced"):
        load_package(copy)


@pytest.mark.parametrize("file", ["model.onnx", "manifest.toml"])
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    """A package without one of its files says which one."""
    (copy / file).unlink()
    with pytest.raises(Misconfigured, match=file):
        load_package(copy)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("COVID19", "FLU", "names the classes"),
        ("preprocessing = ", 'preprocessing = "other" #', "needs the preprocessing"),
        ("undetermined_below", "unknown", "lacks an entry"),
        ("sha256 = ", "sha256 ", "not valid TOML"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(copy: Path, before: str, after: str, reason: str) -> None:
    """A manifest for other classes, another preprocessing, or with an entry missing is refused with its reason."""
    manifest = copy / "manifest.toml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(before, after, 1), encoding="utf-8")
    with pytest.raises(Misconfigured, match=reason):
        load_package(copy)


def test_weights_that_are_no_network_are_refused(copy: Path) -> None:
    """A file with the right checksum that is no network stops the process with a sentence."""
    import hashlib

    old = load_package(copy).model.sha256
    (copy / "model.onnx").write_bytes(b"not a network")
    manifest = copy / "manifest.toml"
    new = hashlib.sha256(b"not a network").hexdigest()
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(Misconfigured, match="can't load the network"):
        OnnxClassifier(load_package(copy))
