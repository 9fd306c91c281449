"""Sends the bundled films to a real node, waits for the reports, and shows what came back."""

from __future__ import annotations

import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from domain.errors import Misconfigured
from domain.findings import DISCLAIMER, TARGETS, Label
from hilum.supervise import PYTHON_M_HILUM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from dicom_node.rehearsal import ReceivingPacs
    from dicom_node.report_reader import ReadReport

FILMS = Path(__file__).parent / "films"

_MARK = "demo-home"
"""A file that says that a folder is a demo's and may be wiped."""
_HOST = "127.0.0.1"
_NODE_AE_TITLE = "HILUM"
_PACS_AE_TITLE = "DEMO_PACS"
_START_PATIENCE_SECONDS = 90
_REPORT_PATIENCE_SECONDS = 120
_STOP_PATIENCE_SECONDS = 40
_QUIET_SECONDS = 1
_LOGIN = "demo"


@dataclass(kw_only=True, slots=True)
class Case:
    """One bundled film on its way."""

    file: Path
    truth: Label
    study_uid: str
    sent_at: float = 0.0
    seconds: float | None = None
    """From the node's C-STORE response to the report's arrival at the PACS."""
    report: ReadReport | None = None


def run(home: Path) -> int:
    """Show the main job; return 0 only if every film has its report.

    Raises:
        Misconfigured: `home` holds something else than an earlier demo.
    """
    from dicom_node.rehearsal import ReceivingPacs

    home = home.absolute()
    _clear(home)
    pacs = ReceivingPacs(home / "pacs", ae_title=_PACS_AE_TITLE)
    pacs_port = pacs.start()
    node_port = _free_port()
    web_port = _free_port()
    config = _write_settings(home, node_port=node_port, pacs_port=pacs_port, web_port=web_port)
    click.echo(f"Starting PostgreSQL, node and worker in {home} (their log: {home / 'hilum.log'}) ...")
    with (home / "hilum.log").open("wb") as output:
        hilum = subprocess.Popen([*PYTHON_M_HILUM, "--config", str(config), "up"], stderr=output)
        try:
            cases = _rehearse(pacs, node_port, hilum)
            login = _make_login(config) if cases else ""
        finally:
            _stop(hilum)
            pacs.stop()
    _show(cases, pacs_folder=home / "pacs")
    if login:
        program = [sys.argv[0]] if not sys.argv[0].endswith("__main__.py") else [sys.executable, "-m", "hilum"]
        start = shlex.join([*program, "--config", str(config), "up"])
        click.echo(
            f"\nTo see them as a radiologist does, start it again:\n  {start}\n"
            f"and open http://{_HOST}:{web_port}, {login}."
        )
    return 0 if cases and all(case.report is not None for case in cases) else 1


def _rehearse(pacs: ReceivingPacs, port: int, hilum: subprocess.Popen[bytes]) -> list[Case]:
    from dicom_node.rehearsal import send, wait_until_listening

    if not wait_until_listening(_HOST, port, called=_NODE_AE_TITLE, seconds=_START_PATIENCE_SECONDS):
        click.echo("The node did not answer; see the log.", err=True)
        return []
    cases, films = _wrapped_films()
    click.echo(f"Sending {len(films)} films by C-STORE ...")
    sent = send(films, _HOST, port, called=_NODE_AE_TITLE, seconds=_START_PATIENCE_SECONDS)
    for case, sent_at in zip(cases, sent, strict=True):
        case.sent_at = sent_at
    _collect(cases, pacs, hilum)
    return cases


def _wrapped_films() -> tuple[list[Case], list[Any]]:
    """Return the bundled films as DX instances of invented patients, one study each."""
    from dicom_node.wrap import wrap_film

    cases, films = [], []
    for number, file in enumerate(sorted(FILMS.glob("*/*.jpg")), start=1):
        pixels = np.asarray(Image.open(file).convert("L"))
        name, accession = f"Demo^Film {number}", f"DEMO{number:04}"
        film = wrap_film(pixels, patient_id=f"DEMO-{number}", patient_name=name, accession_number=accession)
        cases.append(Case(file=file, truth=Label(file.parent.name), study_uid=str(film.StudyInstanceUID)))
        films.append(film)
    return cases, films


def _collect(cases: Sequence[Case], pacs: ReceivingPacs, hilum: subprocess.Popen[bytes]) -> None:
    from rich.progress import Progress

    from dicom_node.report_reader import read_report

    deadline = time.monotonic() + _REPORT_PATIENCE_SECONDS
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("waiting for reports", total=len(cases))
        while time.monotonic() < deadline and hilum.poll() is None:
            for case in cases:
                arrival = pacs.arrivals.get(case.study_uid)
                if case.report is None and arrival is not None:
                    case.report = read_report(arrival.file)
                    case.seconds = arrival.at_seconds - case.sent_at
                    progress.advance(bar)
            if all(case.report is not None for case in cases):
                return
            time.sleep(0.05)


def _show(cases: Sequence[Case], *, pacs_folder: Path) -> None:
    columns = ("film", "truth", "label", *Label, "seconds to report")
    table = Table(*columns, caption=DISCLAIMER)
    for case in cases:
        table.add_row(case.file.name, case.truth, *_cells(case))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    arrived = sum(case.report is not None for case in cases)
    click.echo(
        f"{arrived} of {len(cases)} films have their report; the time includes {_QUIET_SECONDS} s in which the study "
        f"must be quiet.\nWhat the PACS received: {pacs_folder}/*.dcm"
    )


def _cells(case: Case) -> Iterator[str]:
    if case.report is None or case.seconds is None:
        yield from ("no report", "", "", "", "")
        return
    yield case.report.label or "undetermined"
    certainty = case.report.certainty
    known = all(target in certainty for target in TARGETS)
    rest = 1 - sum(certainty.values())  # the report certifies diseases; what is left is NORMAL
    for label in Label:
        value = certainty.get(label, rest)
        yield f"{value:.3f}" if known else ""
    yield f"{case.seconds:.1f}"


def _clear(home: Path) -> None:
    if home.exists() and any(home.iterdir()) and not (home / _MARK).is_file():
        raise Misconfigured(f"{home} is not empty and not a demo's folder; choose another --home")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / _MARK).touch()


def _make_login(config: Path) -> str:
    """Make an account for the pages and say how to log in; empty where that failed."""
    command = [
        *PYTHON_M_HILUM,
        "--config",
        str(config),
        "users",
        "create",
        _LOGIN,
        "--role",
        "radiologist",
        "--generate",
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    _, found, password = done.stdout.strip().rpartition("password ")
    return f"login {_LOGIN}, password {password}" if done.returncode == 0 and found else ""


def _write_settings(home: Path, *, node_port: int, pacs_port: int, web_port: int) -> Path:
    config = home / "hilum.toml"
    config.write_text(
        f"""home = "{home / "home"}"

[node]
ae_title = "{_NODE_AE_TITLE}"
host = "{_HOST}"
port = {node_port}
study_quiet_seconds = {_QUIET_SECONDS}

[web]
host = "{_HOST}"
port = {web_port}

[[peers]]
name = "demo-modality"
ae_title = "DEMO_MODALITY"
host = "{_HOST}"
port = 1
may_send = true

[[peers]]
name = "demo-pacs"
ae_title = "{_PACS_AE_TITLE}"
host = "{_HOST}"
port = {pacs_port}
receives_results = true

[log]
format = "json"
"""
    )
    return config


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _stop(hilum: subprocess.Popen[bytes]) -> None:
    hilum.send_signal(signal.SIGTERM)
    try:
        hilum.wait(_STOP_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        hilum.kill()
        hilum.wait()
