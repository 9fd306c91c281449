"""What somebody must be told at once: urgent results that reach nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.ids import DeliveryId


@dataclass(frozen=True, kw_only=True, slots=True)
class Overdue:
    """Urgent results that their peers have not taken in time; nothing here says whose they are."""

    untold: tuple[DeliveryId, ...]
    """Deliveries of which nobody was told yet."""
    count: int
    """All of them."""
    peers: tuple[str, ...]
    """Names of the peers that they are for, without those of which all was told."""
    waiting_for: tuple[str, ...]
    """Names of all the peers that they are for."""
    oldest_seconds: float
    """Age of the oldest."""
