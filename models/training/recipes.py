"""Recipes: how a network is trained, from the looks it is given to the moment it stops."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from domain.errors import Misconfigured
from models.looks import Look
from models.training.augmentation import NONE, Augmentation


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Everything about a training but the films and the network's architecture."""

    name: str
    looks: tuple[Look, ...] = (Look.CROP, Look.LUNGS)
    size: int = 160
    """Rows and columns of a look, in pixels."""
    batch: int = 32
    epochs: int = 8
    steps: int | None = 300
    """Batches an epoch; None: as many as show every film once."""
    head_steps: int = 100
    """Batches in which the class scores alone are trained, at the start."""
    frozen: bool = False
    """Whether the backbone keeps its first weights for good."""
    frozen_layers: int = 0
    """Layers of the backbone, from the picture on, that keep their first weights: the first ones see the largest
    pictures and cost most. With 60 of EfficientNet-Lite0's a step is half as dear."""
    fixed_normalisation: bool = True
    """Whether a pretrained backbone's batch normalisations keep their mean and variance: a step is half as dear."""
    learning_rate: float = 3e-4
    schedule: Literal["cosine", "constant"] = "cosine"
    """Cosine: warmed up over 100 batches, then down to 2 % by the last epoch (arXiv:1608.03983)."""
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    balance: float | None = 0.7
    """How far the sources of a class are drawn alike, see `models.training.batches.group_shares`; None: every film."""
    lungs_share: float = 0.5
    """Share of whole films that are shown as lungs alone."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    monitor: Literal["macro_auroc", "loss"] = "macro_auroc"
    """What is watched on the validation films; the best epoch's weights are kept."""
    patience: int = 6
    """Epochs without a better figure after which training stops."""
    least_gain: float = 1e-4
    """A figure must be better by this much to count as better."""


HILUM = Recipe(name="hilum")
"""Our own: lungs in view, sources balanced, everything trained."""

PAPER = Recipe(
    name="paper",
    looks=(Look.FILM,),
    size=224,
    batch=32,
    epochs=10,
    steps=None,
    head_steps=0,
    frozen=True,
    learning_rate=1e-4,
    schedule="constant",
    weight_decay=0.0,
    label_smoothing=0.0,
    balance=None,
    lungs_share=0.0,
    augmentation=replace(NONE, rotation=math.radians(20), zoom=0.1, shift=0.1, shear=0.1, mirrored=0.5),
    monitor="loss",
    patience=10,
)
"""As the reference paper trains: the whole film, grey values 0 to 1, a frozen ImageNet base, Adam."""

_PAPER_RATES = {"resnet50v2": (1e-4, 10), "densenet121": (1e-2, 40), "custom_cnn": (1e-3, 40)}
"""Learning rate and epochs; the paper does not tell them for its own network."""


def recipe(name: str, architecture: str) -> Recipe:
    """Return a recipe by name, as it is meant for an architecture.

    Raises:
        Misconfigured: there is no such recipe, or the paper has none for this architecture.
    """
    if name == HILUM.name:
        return HILUM
    if name != PAPER.name:
        raise Misconfigured(f"there is no recipe {name!r}; known: {HILUM.name}, {PAPER.name}")
    if architecture not in _PAPER_RATES:
        known = ", ".join(_PAPER_RATES)
        raise Misconfigured(f"the paper has no recipe for {architecture}; it has them for {known}")
    rate, epochs = _PAPER_RATES[architecture]
    return replace(PAPER, learning_rate=rate, epochs=epochs, frozen=architecture != "custom_cnn")
