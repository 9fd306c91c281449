"""The log: only listed fields come through."""

from __future__ import annotations

import json

import pytest

from hilum import log
from hilum.settings import Log


def test_a_field_that_is_not_listed_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """A patient's name passed by mistake does not reach the log, and the mistake is visible."""
    log.start(Log(format="json"), role="test").info("film-read", study=7, patient="Doe^Jane")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["study"], line["role"]) == ("film-read", 7, "test")
    assert "Doe" not in str(line)
    assert "not allowed" in line["patient"]


def test_the_level_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """With level warning an info does not appear."""
    events = log.start(Log(format="json", level="warning"), role="test")
    events.info("quiet")
    events.warning("loud")
    assert "quiet" not in (text := capsys.readouterr().err)
    assert "loud" in text
