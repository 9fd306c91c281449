"""`hilum up`: the database and every role as a child process, started again when it dies, stopped together."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hilum import bootstrap, log, machine, stopping
from hilum.final_reports import ROLE as FINAL_REPORTS
from hilum.settings import DECODERS_VARIABLE, THREADS_VARIABLE

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from hilum.settings import Settings
    from hilum.work_settings import Worker
    from worker.events import Events

ROLES = ("node", "worker", "scheduler")
"""Those that there are always."""
PYTHON_M_HILUM = [sys.executable, "-P", "-m", "hilum"]
"""Our own command line; -P keeps modules that lie in the working folder out."""

_FEWEST_WORKERS = 2
"""Python builds one report at a time in a process; and while one worker is restarted, the other goes on."""
_CORES_A_WORKER = 4
"""More cores make one computation hardly faster; another worker beside it uses them."""
_CHECK_SECONDS = 0.5
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_HEALTHY_SECONDS = 60.0
"""A child that lived this long is started again without delay."""
_STOP_PATIENCE_SECONDS = 30.0
_MISCONFIGURED = 2
"""Exit status of a role that can't work until somebody changes the settings."""


@dataclass(kw_only=True)
class Child:
    """One role's process and its restarts."""

    role: str
    command: list[str]
    events: Events
    environment: dict[str, str] = field(default_factory=dict)
    """What is set beside our own environment."""
    process: subprocess.Popen[bytes] | None = None
    pause: float = _FIRST_PAUSE_SECONDS
    started: float = 0.0
    due: float = 0.0
    starts: int = 0
    refused: bool = False
    """It ended at its first start because of its settings, and nothing works without it: all end. Other roles are
    started again and again: a port that somebody else uses for pages is no reason to take no films."""

    def tend(self) -> None:
        """Start the process if it is due, and notice its end."""
        if self.process is None:
            if time.monotonic() >= self.due:
                self._start()
        elif self.process.poll() is not None:
            self._ended(self.process.returncode)

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def tell(self, number: int) -> None:
        """Send a signal, if the process is there."""
        if self.process is not None:
            self.process.send_signal(number)

    def wait(self, seconds: float) -> None:
        """Wait for the end; kill what outlives its time."""
        if self.process is None:
            return
        try:
            self.process.wait(max(seconds, 0.1))
        except subprocess.TimeoutExpired:
            self.events.error("process-killed", process=self.role)
            self.process.kill()
            self.process.wait()

    def _start(self) -> None:
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, env={**os.environ, **self.environment})
        self.started = time.monotonic()
        self.starts += 1
        self.events.info("process-started", process=self.role)

    def _ended(self, status: int) -> None:
        self.process = None
        if status == _MISCONFIGURED and self.starts == 1 and self.role in ROLES:
            self.refused = True
            self.events.error("process-refused", process=self.role, status=status)
            return
        lived = time.monotonic() - self.started
        self.pause = _FIRST_PAUSE_SECONDS if lived >= _HEALTHY_SECONDS else min(self.pause * 2, _LONGEST_PAUSE_SECONDS)
        self.due = time.monotonic() + self.pause
        self.events.error("process-died", process=self.role, status=status, seconds=self.pause)


def run(settings: Settings, config: Path | None) -> int:
    """Keep everything running until told to stop; return the exit status.

    Raises:
        Misconfigured: the database does not start or can't be upgraded.
    """
    stop = stopping.on_signals()
    children: list[Child] = []

    def tell(number: int) -> None:
        for child in children:
            child.tell(number)

    events = log.start(settings.log, role="up", tell=tell)
    with bootstrap.database(settings, role="up") as engine:
        if not bootstrap.upgrade(engine, events, stop):
            return 0
        children += _children(settings, config, events)
        try:
            _tend(children, settings, events, stop)
        finally:
            events.info("stopping")
            _stop(children)
    return _MISCONFIGURED if any(child.refused for child in children) else 0


def _children(settings: Settings, config: Path | None, events: Events) -> list[Child]:
    chosen = [] if config is None else ["--config", str(config)]
    return [
        Child(
            role=role,
            command=[*PYTHON_M_HILUM, *chosen, role, "--supervised"],
            events=events,
            environment=environment,
        )
        for role in roles(settings)
        for environment in (worker_environments(settings.worker) if role == "worker" else [{}])
    ]


def roles(settings: Settings) -> tuple[str, ...]:
    """Return the roles that run, each as the command of its name; some only where the settings name a port for them."""
    web = ("web",) if settings.web.port else ()
    return (*ROLES, *web, *((FINAL_REPORTS,) if settings.final_reports.port else ()))


def worker_environments(worker: Worker) -> list[dict[str, str]]:
    """Return what each worker's environment has beside ours: a GPU of its own, or its share of the cores."""
    gpus = machine.gpus() if worker.device != "cpu" else ()
    if gpus:
        return [{"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} for number in range(worker.processes or len(gpus))]
    cores = machine.cores()
    count = worker.processes or max(min(cores, _FEWEST_WORKERS), cores // _CORES_A_WORKER)
    share = str(max(cores // count, 1))
    given = {THREADS_VARIABLE: worker.threads, DECODERS_VARIABLE: worker.decoders}
    return [{name: share for name, value in given.items() if not value} for _ in range(count)]


def _tend(children: list[Child], settings: Settings, events: Events, stop: threading.Event) -> None:
    """Keep database and children alive until told to stop, or until a child refuses its settings."""
    while not any(child.refused for child in children):
        bootstrap.keep_database(settings, events)
        for child in children:
            child.tend()
        if stop.wait(_CHECK_SECONDS):
            return


def _stop(children: list[Child]) -> None:
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + _STOP_PATIENCE_SECONDS
    for child in children:
        child.wait(deadline - time.monotonic())
