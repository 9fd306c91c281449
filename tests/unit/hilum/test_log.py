"""The log: only listed fields come through."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hilum import log
from hilum.metrics_settings import Log
from tests.peers import wait_for


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


def test_the_level_can_be_changed_while_the_process_runs(capfd: pytest.CaptureFixture[str]) -> None:
    """SIGUSR1: everything; SIGUSR2: as the settings say. The change itself is told."""
    before = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)]
    events = log.start(Log(format="json", level="error"), role="test")
    told = []
    try:
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            os.kill(os.getpid(), number)
            events.debug(f"after-{number}")
            told.append(wait_for(lambda: capfd.readouterr().err) if number == signal.SIGUSR1 else "")
    finally:
        for number, handler in zip((signal.SIGUSR1, signal.SIGUSR2), before, strict=True):
            signal.signal(number, handler)
    assert f"after-{signal.SIGUSR1}" in told[0]
    assert f"after-{signal.SIGUSR2}" not in capfd.readouterr().err


def test_the_journal_is_told_how_bad_an_event_is(tmp_path: Path) -> None:
    """Where standard error is its stream, each line begins with a priority of syslog's; elsewhere not."""
    lines = "log.start(Log(), role='test').error('bad'); log.start(Log(), role='test').info('good')"
    command = [sys.executable, "-c", f"from hilum import log; from hilum.metrics_settings import Log; {lines}"]
    file = tmp_path / "journal"
    with file.open("wb") as stream:
        own = os.fstat(stream.fileno())
        environment = {**os.environ, "JOURNAL_STREAM": f"{own.st_dev}:{own.st_ino}"}
        subprocess.run(command, check=True, stderr=stream, env=environment)
    assert [line[:4] for line in file.read_text().splitlines()] == ["<3>{", "<6>{"]
    elsewhere = subprocess.run(command, check=True, capture_output=True, env=environment)
    assert all(line.startswith(b"{") for line in elsewhere.stderr.splitlines())
