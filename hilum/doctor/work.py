"""How the work gets on: the scheduler's duties, held jobs, systemd's units."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import HilumError
from hilum import upkeep
from hilum.doctor.check import failure, not_applicable, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hilum.doctor.check import Finding
    from hilum.doctor.database import Visit
    from hilum.settings import Settings

_BOOTED = Path("/run/systemd/system")
"""It is there where systemd runs (sd_booted(3))."""
_SYSTEMCTL_SECONDS = 10


def duties(settings: Settings, visit: Visit) -> Iterator[Finding]:
    """Look whether a duty of the scheduler's failed or is overdue."""
    try:
        _check_schema(visit)
    except HilumError as error:
        yield not_applicable(f"not looked at: {error}")
        return
    from db.duty_book import PostgresDutyBook

    states = {record.name: upkeep.state(record, settings) for record in PostgresDutyBook(visit.engine()).records()}
    if set(states.values()) == {"never ran"}:
        yield not_applicable("no scheduler has run yet", "hilum up, or hilum scheduler")
        return
    bad = {word: [name for name, state in states.items() if state == word] for word in ("failed", "overdue")}
    for word, names in bad.items():
        if names:
            how = "hilum upkeep --list says why" if word == "failed" else "does a scheduler run? hilum up, or scheduler"
            yield warning(f"{word}: {', '.join(names)}", how)
    if not any(bad.values()):
        yield ok(f"{len(states)} duties are done in time")


def jobs(visit: Visit) -> Iterator[Finding]:
    """Count what is held, and name what is paused."""
    try:
        _check_schema(visit)
    except HilumError as error:
        yield not_applicable(f"not looked at: {error}")
        return
    from db.overview import overview

    seen = overview(visit.engine())
    held = sum(states.get("held", 0) for states in seen.lanes.values())
    if seen.paused:
        lanes = ", ".join(lane or "every lane" for lane in seen.paused)
        yield warning(f"paused: {lanes}", "hilum jobs resume")
    yield ok(f"{held} jobs are held" if held else "no job is held", "hilum jobs list --state held" if held else "")


def _check_schema(visit: Visit) -> None:
    from db.engine import check_schema

    check_schema(visit.engine())


def units(systemctl: Path | None = None) -> Iterator[Finding]:
    """Look whether Hilum's units are started at boot, and run.

    Args:
        systemctl: the program to ask; None: the system's, if systemd runs here.
    """
    program = systemctl or (_BOOTED.is_dir() and shutil.which("systemctl"))
    found = _units(str(program)) if program else None
    if not found:
        yield not_applicable("systemd does not run here" if not program else "systemd knows no unit of Hilum's")
        return
    enabled = [name for name, unit in found.items() if unit["UnitFileState"].startswith("enabled")]
    for name, unit in found.items():
        yield from _unit(name, unit, is_enabled=name in enabled)
    if not enabled:
        yield warning("no unit of Hilum's is started at boot", f"systemctl enable --now {next(iter(found))}")


def _unit(name: str, unit: Mapping[str, str], *, is_enabled: bool) -> Iterator[Finding]:
    state = unit["ActiveState"]
    if state == "failed":
        yield failure(f"{name} has failed ({unit['Result']})", f"journalctl -u {name} -n 50")
    elif is_enabled and state not in {"active", "activating", "reloading"}:
        yield warning(f"{name} does not run ({state})", f"systemctl start {name}")
    elif state == "active" and unit["UnitFileState"] == "disabled":
        yield warning(f"{name} runs, and will not after the next boot", f"systemctl enable {name}")
    elif is_enabled:
        yield ok(f"{name} is {state}")


def _units(systemctl: str) -> dict[str, dict[str, str]]:
    """Return the properties of each unit that is a service, a target, a socket or a timer of Hilum's.

    Files are listed without instances, as `hilum-worker@2.service`; those are among the units that are loaded.
    """
    files = _asked(systemctl, "list-unit-files", "--no-legend", "--plain", "hilum*")
    loaded = _asked(systemctl, "list-units", "--all", "--no-legend", "--plain", "hilum*")
    lines = [line.split() for line in (*files.splitlines(), *loaded.splitlines()) if line.strip()]
    names = [name for name, state, *_ in lines if "@." not in name and state != "not-found"]
    names = list(dict.fromkeys(names))
    if not names:
        return {}
    shown = _asked(systemctl, "show", "--property=Id,ActiveState,UnitFileState,Result", *names)
    units = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    return {unit["Id"]: {"Result": "", "UnitFileState": "", **unit} for unit in units}


def _asked(systemctl: str, *words: str) -> str:
    done = subprocess.run([systemctl, *words], check=False, capture_output=True, text=True, timeout=_SYSTEMCTL_SECONDS)
    return done.stdout
