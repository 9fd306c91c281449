"""Hilum's commands for backups, as tests run them."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import psutil
from click.testing import CliRunner

from domain.errors import HilumError
from hilum.cli import hilum
from tests.peers import Hilum


def said(config: Path, *arguments: str, status: int = 0) -> str:
    """Run a command to its end, in this process; return what it said, once it ended with the expected status."""
    result = CliRunner().invoke(hilum, ["--config", str(config), *arguments])
    if isinstance(result.exception, HilumError):
        assert status == 2, result.exception
        return str(result.exception)
    assert result.exit_code == status, f"{result.output} {result.exception!r}"
    return result.output


def backed_up(config: Path, destination: Path, *options: str) -> Path:
    """Make a backup and return its folder."""
    before = set(destination.glob("hilum-*"))
    said(config, "backup", *options, str(destination))
    (made,) = set(destination.glob("hilum-*")) - before
    return made


def lose(running: Hilum, home: Path) -> None:
    """Lose a machine: every process of `hilum up` is killed at once, its database server too, and the disk is gone."""
    postmaster = int((home / "postgresql" / "postmaster.pid").read_text().split()[0])
    processes = [psutil.Process(pid) for pid in (running.process.pid, postmaster)]
    doomed = [*processes, *(child for one in processes for child in one.children(recursive=True))]
    for process in doomed:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:  # it ended with the others
            continue
    running.process.wait()
    psutil.wait_procs(doomed, timeout=30)
    shutil.rmtree(home)
