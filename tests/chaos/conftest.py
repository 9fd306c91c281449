"""What the chaos tests share: one PACS, and the count that is told at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from tests.chaos.hospital import Count
from tests.conftest import migrated
from tests.peers import Orthanc, orthanc

COUNTS = pytest.StashKey[list[Count]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell what came of all studies."""
    counts = config.stash.get(COUNTS, [])
    if not counts:
        return
    terminalreporter.section("chaos")
    for count in counts:
        terminalreporter.write_line(str(count))
    total = Count(
        trouble=f"{len(counts)} troubles",
        sent=sum(count.sent for count in counts),
        reports=sum(count.reports for count in counts),
        held=sum(count.held for count in counts),
        deaths=sum(count.deaths for count in counts),
    )
    terminalreporter.write_line(str(total))


@pytest.fixture
def tell(pytestconfig: pytest.Config) -> Callable[[Count], None]:
    """Print a count, now and at the end of all tests."""

    def told(count: Count) -> None:
        print(count)  # noqa: T201 - it is the test's result
        pytestconfig.stash.setdefault(COUNTS, []).append(count)

    return told


@pytest.fixture(scope="session")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Orthanc for all tests in which it is not in trouble itself; each test has studies of its own."""
    with orthanc(tmp_path_factory.mktemp("chaos") / "orthanc") as server:
        yield server


@pytest.fixture
def engine(embedded_url: str) -> Iterator[Engine]:
    """An engine for a database with Hilum's tables on the shared embedded server."""
    with migrated(embedded_url) as engine:
        yield engine
