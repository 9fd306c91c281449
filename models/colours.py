"""The colours of a heat map: even steps to the eye, and in the same order for people who see fewer colours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Colours = npt.NDArray[np.float64]
"""Red, green and blue along the last axis, 0 to 1, as a screen takes them (sRGB)."""

_LIGHTNESS = (0.38, 0.93)
"""From dark to light without a turn: the order of the colours survives colour blindness and a grey printer."""
_HUE_DEGREES = (295.0, 465.0)
"""Violet over magenta, red and orange to yellow."""
_CHROMA = 0.14
"""The most that a screen can show at every lightness of the way."""

# B. Ottosson, A perceptual color space for image processing (Oklab), 2020: from Oklab to cone responses, and from
# their cubes to linear sRGB.
_TO_CONES = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_TO_LINEAR = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def heat_colours(steps: int) -> Colours:
    """Return the colours from no evidence to the strongest, (steps, 3).

    They lie on a spiral through Oklab, in which equal distances look equally different: lightness and hue grow evenly.
    """
    hue = np.radians(np.linspace(*_HUE_DEGREES, steps))
    oklab = np.stack([np.linspace(*_LIGHTNESS, steps), _CHROMA * np.cos(hue), _CHROMA * np.sin(hue)], axis=-1)
    return _encode((oklab @ _TO_CONES.T) ** 3 @ _TO_LINEAR.T)


def _encode(linear: Colours) -> Colours:
    """Apply the transfer function of sRGB (IEC 61966-2-1)."""
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)  # noqa: PLR2004 - the standard's
