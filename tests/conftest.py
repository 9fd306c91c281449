"""What all tests share: real PostgreSQL servers, free ports, a tiny network, and the rule for missing peers."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine, text

from db import embedded
from db.engine import connect
from db.upgrade import upgrade
from models.package import Package
from tests.chaos.count import TOLD, Count
from tests.object_store import ObjectStore, object_store
from tests.peers import free_port, missing

_LONGEST = "test_pacs_away_for_long.py"
"""It waits five minutes for a PACS: others are done meanwhile, if it is not the last."""

pytest.register_assert_rewrite("tests.chaos.hospital")
hypothesis.settings.register_profile("the same each time", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("the same each time")


@pytest.hookimpl(trylast=True)  # after the shuffling
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test that does not say in a sentence what it shows; begin with the one that waits for minutes."""
    silent = [item.nodeid for item in items if not (getattr(item, "obj", None) and item.obj.__doc__)]
    if silent:
        raise pytest.UsageError(f"tests without a docstring: {', '.join(silent)}")
    items.sort(key=lambda item: item.path.name != _LONGEST)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what came of all studies of the chaos tests, whichever process ran them."""
    passed = terminalreporter.getreports("passed")
    counts = [Count(**value) for test in passed for name, value in test.user_properties if name == TOLD]
    if counts:
        terminalreporter.section("chaos")
        for count in [*counts, Count.of_all(counts)]:
            terminalreporter.write_line(str(count))


@pytest.fixture(scope="session")
def tiny_package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A package of untrained networks; a test that spoils it takes a copy."""
    for toolkit in ("keras", "onnx", "tf2onnx"):
        pytest.importorskip(toolkit, reason="writing a package needs more packages: pip install 'hilum[train]'")
    from models.packaging import write_package
    from tests.packages import tiny_draft

    return write_package(tiny_draft(), tmp_path_factory.mktemp("packages"))


@contextmanager
def embedded_server() -> Iterator[str]:
    """Run the server of the wheel."""
    folder = Path(tempfile.mkdtemp(prefix="hilum-pg-"))
    with embedded.borrowed(folder / "postgresql") as url:
        yield url
        embedded.stop(folder / "postgresql")
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def distribution_server() -> Iterator[str]:
    """Run the server of the operating system on a loopback port, as an ordinary user."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not homes:
        missing("a PostgreSQL server", "on Debian: apt-get install postgresql")
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="hilum-pg-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        command = [str(homes[-1] / program), "-D", str(data), *arguments]
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

    run("initdb", "--auth=trust", "-U", "hilum", "--no-sync")
    options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql+psycopg2://hilum@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def embedded_url() -> Iterator[str]:
    """The address of an embedded server that lives as long as the tests."""
    with embedded_server() as url:
        yield url


@pytest.fixture(scope="session")
def distribution_url() -> Iterator[str]:
    """The address of a server of the operating system that lives as long as the tests."""
    with distribution_server() as url:
        yield url


@contextmanager
def new_database(server_url: str) -> Iterator[str]:
    """Make an empty database on a server, and drop it afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    admin = connect(server_url, role="test").execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield admin.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An object store that lives as long as the tests."""
    with object_store(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=["embedded", pytest.param("distribution", marks=pytest.mark.peers)])
def empty_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database, on each kind of server in turn."""
    with new_database(request.getfixturevalue(f"{request.param}_url")) as url:
        yield url


@contextmanager
def migrated(server_url: str) -> Iterator[Engine]:
    """Make a database with Hilum's tables on a server and yield an engine for it."""
    with new_database(server_url) as url:
        engine = connect(url, role="test")
        upgrade(engine)
        yield engine
        engine.dispose()


@pytest.fixture(params=["embedded", pytest.param("distribution", marks=pytest.mark.peers)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine for a database with Hilum's tables, on each kind of server in turn."""
    with migrated(request.getfixturevalue(f"{request.param}_url")) as engine:
        yield engine


@pytest.fixture
def database_url(embedded_url: str) -> Iterator[str]:
    """The address of a database with Hilum's tables on the embedded server."""
    with migrated(embedded_url) as engine:
        yield engine.url.render_as_string(hide_password=False)
