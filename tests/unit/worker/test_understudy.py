"""A shadow in a process of its own: what comes back, and what becomes of one that dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import Crashed, HilumError, Misconfigured, Transient, Unforeseen
from domain.film import StoredFilm, Unsuitable
from domain.findings import Label
from tests.fakes import stored_film
from worker.understudy import ShadowProcess

COMMAND = [sys.executable, str(Path(__file__).parents[2] / "assets" / "understudy.py")]


def films(*paths: str) -> tuple[StoredFilm, ...]:
    return tuple(replace(stored_film(number), path=path) for number, path in enumerate(paths))


def started(**greeting: object) -> ShadowProcess:
    return ShadowProcess(COMMAND, greeting, environment=os.environ, patience_s=2.0)


@pytest.fixture(scope="module")
def shadow() -> Iterator[ShadowProcess]:
    """A shadow whose process lives as long as the tests want it to."""
    shadow = started()
    yield shadow
    shadow.close()


def test_it_looks_at_the_first_film_that_it_takes(shadow: ShadowProcess) -> None:
    """With its own thresholds; what comes back is as of a worker."""
    seen = films("second", "refused", "good")
    found = shadow.examine(seen)
    assert (found.analysed, found.label, found.films) == (seen[2], Label.PNEUMONIA, seen)
    assert found.model.name == "shy"


def test_a_study_without_a_film_that_it_takes_has_a_reason(shadow: ShadowProcess) -> None:
    """As a worker would give."""
    found = shadow.examine(films("refused"))
    assert (found.probabilities, found.unsuitable) == (None, Unsuitable.NO_LUNGS)


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("large", Crashed, "worker.shadow_megabytes"),
        ("broken", Unforeseen, "^KeyError$"),
        ("away", Transient, "the store is away"),
    ],
)
def test_a_failure_says_why_and_no_more(shadow: ShadowProcess, path: str, error: type[HilumError], says: str) -> None:
    """The text of a foreign error stays where it is; the next study is looked at."""
    with pytest.raises(error, match=says):
        shadow.examine(films(path))
    assert shadow.examine(films("good")).label is Label.PNEUMONIA


@pytest.mark.parametrize(("path", "says"), [("poison", "Segmentation fault"), ("slow", "longer than 2 seconds")])
def test_one_that_dies_or_hangs_is_of_no_use_any_more(path: str, says: str) -> None:
    """And closing it does no harm."""
    shadow = started()
    with pytest.raises(Crashed, match=says):
        shadow.examine(films(path))
    shadow.close()


@pytest.mark.parametrize(("greeting", "says"), [("broken", "does not start"), ("refused", "the network is damaged")])
def test_one_that_does_not_start_says_why(greeting: str, says: str) -> None:
    """As far as it can."""
    with pytest.raises(Misconfigured, match=says):
        started(**{greeting: True})
