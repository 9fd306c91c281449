"""What a person types for `hilum fetch`, as a query."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from hilum.fetch import query


def asked(**keys: Any) -> Any:  # noqa: ANN401 - as from the command line
    return query(**{"date": None, "studies": (), "patient": None, "accession": None, "modalities": "CR,DX", **keys})


@pytest.mark.parametrize("date", ["20261125", "20261101-20261125", "20261101-", "-20261125"])
def test_a_date_is_passed_on(date: str) -> None:
    """The standard's own way to write ranges (PS3.4 C.2.2.2.5)."""
    assert asked(date=date).date == date


def test_today_is_a_date() -> None:
    """Of this machine's clock, in its zone; at midnight it may be either day."""
    before = datetime.now().astimezone().strftime("%Y%m%d")
    assert asked(date="today").date in {before, datetime.now().astimezone().strftime("%Y%m%d")}


@pytest.mark.parametrize("date", ["-", "2026-11-25", "20261125-x", "yesterday", "*"])
def test_another_date_is_refused(date: str) -> None:
    """With those that are allowed."""
    with pytest.raises(ValueError, match="20261101-20261125"):
        asked(date=date)


def test_modalities_are_a_list() -> None:
    """In small letters and with spaces too."""
    assert asked(date="today", modalities="cr, RG,").modalities == {"CR", "RG"}


def test_a_key_with_a_backslash_is_refused() -> None:
    """It would be several values."""
    with pytest.raises(ValueError, match="backslash"):
        asked(patient="1\\2")
