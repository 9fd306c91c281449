"""The way of a study as spans, for those who look for where time goes; nothing in them names a patient."""

from __future__ import annotations

from typing import Final, Protocol


class Tracer(Protocol):
    """Where steps of studies are told; never raises."""

    def tell(self, step: str, study: int, seconds: float, /, **attributes: str | int) -> None:
        """Tell of a step that ended just now.

        Args:
            step: receive, queue, darkroom, network, settle or deliver.
            study: its row number.
            seconds: how long it took.
            attributes: what else there is to say: no UID, no text of others.
        """
        ...


class _NoTraces:
    """Tells nobody."""

    def tell(self, step: str, study: int, seconds: float, /, **attributes: str | int) -> None:
        """Tell nobody."""


NO_TRACES: Final[Tracer] = _NoTraces()
