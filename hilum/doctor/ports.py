"""The ports of the settings: free for us, or ours already."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import urllib.request
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import psutil

from hilum.doctor.check import failure, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.doctor.check import Finding
    from hilum.settings import Settings

_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Port:
    """Where one of our processes listens."""

    setting: str
    """Its name in the settings."""
    host: str
    number: int


def ports(settings: Settings) -> tuple[Port, ...]:
    """Return the ports that the settings name."""
    found = (
        Port(setting="node.port", host=settings.node.host, number=settings.node.port),
        Port(setting="node.tls_port", host=settings.node.host, number=settings.node.tls_port),
        Port(setting="web.port", host=settings.web.host, number=settings.web.port),
        Port(setting="metrics.node_port", host=settings.metrics.host, number=settings.metrics.node_port),
        Port(setting="metrics.scheduler_port", host=settings.metrics.host, number=settings.metrics.scheduler_port),
        Port(setting="metrics.web_port", host=settings.metrics.host, number=settings.metrics.web_port),
        Port(setting="final_reports.port", host=settings.final_reports.host, number=settings.final_reports.port),
    )
    return tuple(port for port in found if port.number)


def port(settings: Settings, own: Port) -> Iterator[Finding]:
    """Look whether a port is free, or held by our own process."""
    place = f"{own.host}:{own.number}"
    try:
        family, _, _, _, address = socket.getaddrinfo(own.host, own.number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            yield failure(f"{place} can't be listened on: {error.strerror}", _how(own, error))
            return
    else:
        yield ok(f"{place} is free")
        return
    yield _held(settings, own, place)


def _how(own: Port, error: OSError) -> str:
    if error.errno == errno.EACCES:
        return f"set {own.setting} above 1023, or let the service have it: AmbientCapabilities=CAP_NET_BIND_SERVICE"
    host = own.setting.partition(".")[0]
    return f"set {host}.host to an address of this machine (ip address), or 0.0.0.0"


def _held(settings: Settings, own: Port, place: str) -> Finding:
    free = f"stop it, or set {own.setting} to another port"
    holder = _holder(own.number)
    if holder is not None:
        number, name, is_hilum = holder
        seen = f"{place} is held by {name} (process {number})"
        return ok(f"{seen}, which is Hilum") if is_hilum else failure(seen, free)
    if _answers(settings, own):
        return ok(f"{place} is held by Hilum, which answers")
    how = f"as root: ss -ltnp 'sport = :{own.number}'; if it is not Hilum, {free}"
    return warning(f"{place} is held by a process of another account", how)


def _holder(number: int) -> tuple[int, str, bool] | None:
    """Return the process that listens, its name and whether it is Hilum; None where we may not see it."""
    try:
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == number and one.pid is not None:
                process = psutil.Process(one.pid)
                return process.pid, process.name(), _is_hilum(process.cmdline())
    except psutil.Error:  # it ended meanwhile
        pass
    return None


def _is_hilum(command: list[str]) -> bool:
    """Whether a command is `hilum …`, `python …/hilum …` or `python -m hilum …`."""
    is_program = any(os.path.basename(word) == "hilum" for word in command[:2])  # noqa: PTH119 - a word of a command
    return is_program or ("-m", "hilum") in pairwise(command)


def _answers(settings: Settings, own: Port) -> bool:
    if own.setting in {"node.port", "node.tls_port"}:
        return _echoes(settings, own)
    return own.setting == "web.port" and _lives(settings)


def _echoes(settings: Settings, own: Port) -> bool:
    """Whether a node answers a C-ECHO; ours may know itself for no peer, and then refuses as DICOM does."""
    from dicom_node.self_echo import OwnDoor, is_answered
    from hilum.reception import tls_files

    tls = tls_files(settings) if own.setting == "node.tls_port" else None
    door = OwnDoor(host=_reached_by(own.host), port=own.number, ae_title=settings.node.ae_title, tls=tls)
    return is_answered(door, timeout_s=_ANSWER_SECONDS)


def _lives(settings: Settings) -> bool:
    scheme = "http" if settings.web.tls_certificate is None else "https"
    host = _reached_by(settings.web.host)
    address = f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.web.port}/health/live"
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is asked for its health, and told nothing
    try:
        with urllib.request.urlopen(address, timeout=_ANSWER_SECONDS, context=context) as answer:  # noqa: S310 - our own
            return b'"live"' in answer.read(1000)
    except OSError:
        return False


def _reached_by(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what is listened on
