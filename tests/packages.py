"""A package of tiny untrained networks, made in seconds: it looks like a real one in all but its results."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from models.packaging import Draft

NAME = "tiny"
VERSION = "1.0.0"
TITLE = f"{NAME}-{VERSION}"


def tiny_draft(**changes: Any) -> Draft:  # noqa: ANN401 - whatever a draft holds
    """Return everything about a package of random networks; the same each time."""
    import keras

    from models.eligibility import Limits
    from models.looks import Look
    from models.networks.architectures import NONE, build
    from models.networks.lung_network import build_lung_network
    from models.packaging import Draft

    keras.utils.set_random_seed(5)
    films = np.random.default_rng(5).integers(0, 256, (3, 14, 14), dtype=np.uint8)
    parts: dict[str, Any] = {
        "name": NAME,
        "version": VERSION,
        "architecture": "custom_cnn",
        "network": build("custom_cnn", 32, NONE),
        "lungs": build_lung_network(),
        "looks": (Look.CROP, Look.LUNGS),
        "temperature": 0.01,  # the scores of an untrained network are close together
        "undetermined_below": 0.4,
        "covid19_from": 0.5,
        "limits": Limits(),
        "golden": films.repeat(16, axis=1).repeat(16, axis=2),
        "training": {"seed": 5, "sources": {"made up": {"films": 0, "licence": "CC0"}}},
        "headline": {"macro_auroc": 0.5},
        "metrics": {"validation": {"macro_auroc": 0.5}},
        "card": "# An untrained network\n",
    }
    return Draft(**{**parts, **changes})


def another_version(package: Path, folder: Path, version: str = "1.1.0") -> Path:
    """Copy a package into `folder` under another version and return the copy."""
    copy = shutil.copytree(package, folder / f"{NAME}-{version}")
    edit(copy, f'version = "{VERSION}"', f'version = "{version}"')
    return copy


def edit(package: Path, before: str, after: str) -> None:
    """Change a text in a package's manifest."""
    manifest = package / "manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    assert before in text
    manifest.write_text(text.replace(before, after, 1), encoding="utf-8")
