"""How far training films are changed, so that a network can't rely on what does not matter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation:
    """How far a film is changed, at most; all of it leaves the diagnosis as it is."""

    rotation: float = 0.14
    """Radians to either side."""
    zoom: float = 0.1
    """Share of the size, each axis for itself in half of it."""
    shift: float = 0.05
    """Share of the size."""
    shear: float = 0.05
    mirrored: float = 0.5
    """Share of films."""
    gain: float = 0.2
    """Contrast times exp(-0.2) to exp(0.2)."""
    brightness: float = 0.05
    gamma: float = 0.2
    noise: float = 0.02
    blurred: float = 0.3
    coarsest: int = 96
    """A batch may be shrunk to this many pixels and enlarged again: resolution must not tell the source."""
    style: float = 0.2
    """Share of batches in which a film takes over part of the amplitudes of another film's Fourier transform
    (Q. Xu et al., arXiv:2105.11120): grey values, texture and compression of a source then go with every class."""
    mask: float = 0.25
    """How far the edge of the lung mask is moved, as a probability of lung."""


NONE = Augmentation(
    rotation=0,
    zoom=0,
    shift=0,
    shear=0,
    mirrored=0,
    gain=0,
    brightness=0,
    gamma=0,
    noise=0,
    blurred=0,
    coarsest=0,
    style=0,
    mask=0,
)
