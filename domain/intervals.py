"""How sure a share of a count is."""

from __future__ import annotations

import math

Interval = tuple[float, float]

_Z_95 = 1.96
"""Standard normal quantile of a two-sided 95 % interval."""


def wilson(count: int, total: int) -> Interval | None:
    """Return the 95 % interval of a share by Wilson's score; None of nothing."""
    if total == 0:
        return None
    share, z2 = count / total, _Z_95**2 / total
    centre = (share + z2 / 2) / (1 + z2)
    spread = _Z_95 * math.sqrt(share * (1 - share) / total + z2 / total / 4) / (1 + z2)
    return max(centre - spread, 0.0), min(centre + spread, 1.0)
