"""What stands on the cover of every paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum import __version__

if TYPE_CHECKING:
    from datetime import date

    from hilum.settings import Settings


def cover(settings: Settings, made_on: date | None) -> list[tuple[str, str]]:
    """Return product, version, AE title, and the date where there is one."""
    lines = [("Product", "Hilum"), ("Version", __version__), ("AE title", settings.node.ae_title)]
    return lines if made_on is None else [*lines, ("Date", made_on.isoformat())]
