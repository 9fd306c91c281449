"""Times on pages."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from web.pages.clock import Clock

WINTER = datetime(2026, 1, 2, 23, 30, 5, tzinfo=UTC)
SUMMER = datetime(2026, 7, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("how", "moment", "shown"),
    [
        ("minute", WINTER, "2026-01-03 00:30 CET"),
        ("minute", SUMMER, "2026-07-02 14:00 CEST"),
        ("second", WINTER, "2026-01-03 00:30:05 CET"),
        ("lately", WINTER, "03 Jan 00:30 CET"),
        ("day", WINTER, "2026-01-03"),
    ],
)
def test_a_moment_is_shown_as_on_the_wall(how: str, moment: datetime, shown: str) -> None:
    """With the zone's name, which says whether it is summer."""
    assert Clock(ZoneInfo("Europe/Berlin")).filters[how](moment) == shown


def test_without_a_zone_the_machine_s_is_shown() -> None:
    """As `date` does."""
    assert Clock().minute(WINTER) == f"{WINTER.astimezone():%Y-%m-%d %H:%M %Z}"
