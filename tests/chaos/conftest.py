"""What the chaos tests share: one PACS, and the count that is told at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest
from sqlalchemy import Engine

from tests.chaos.count import TOLD, Count
from tests.conftest import migrated
from tests.peers import Orthanc, orthanc


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[Count], None]:
    """Print a count, now and at the end of all tests."""

    def told(count: Count) -> None:
        print(count)  # noqa: T201 - it is the test's result
        record_property(TOLD, asdict(count))

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
