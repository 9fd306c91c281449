"""What the list shows of a study, in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from web.pages.worklist_row import age_of, name_of


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("DOE^JANE", "DOE, JANE"),
        ("Müller^Anna^Maria^Dr^", "Müller, Anna Maria"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou"),
        ("^JANE", "JANE"),
        ("DOE", "DOE"),
        ("", "no name"),
        ("^^^^", "no name"),
        ("A^B^C^D^E^F^G", "A, B C"),
    ],
)
def test_a_name_is_shown_as_people_write_it(written: str, shown: str) -> None:
    """Family, given middle; of its groups the first."""
    assert name_of(written) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "now"), (59, "now"), (60, "1 min"), (3599, "59 min"), (3660, "1 h 01 min"), (90000, "1 d 1 h")],
)
def test_a_time_is_as_short_as_it_is_useful(seconds: int, shown: str) -> None:
    """A clock that is ahead shows no time before it began."""
    assert age_of(timedelta(seconds=seconds)) == shown
