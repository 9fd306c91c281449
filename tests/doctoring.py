"""What the tests of `hilum doctor` share: settings without a file, and findings in short."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hilum.doctor.check import Finding, Outcome, worst
from hilum.settings import Settings, load
from tests.peers import settings_file


def settings_of(folder: Path, **keys: object) -> Settings:
    """Return settings with a home in a folder."""
    return load(settings_file(folder, **{"home": str(folder / "home"), **keys}))[0]


def outcome_of(findings: Iterable[Finding]) -> Outcome:
    """Return the worst of some findings, each of which says what to do where it is bad."""
    found = list(findings)
    assert all(one.remedy for one in found if one.outcome in {Outcome.WARNING, Outcome.FAILURE}), found
    return worst(one.outcome for one in found)


def said(findings: Iterable[Finding]) -> str:
    """Return what was seen that is no good, and what to do."""
    bad = (Outcome.WARNING, Outcome.FAILURE)
    return "; ".join(f"{one.seen} -> {one.remedy}" for one in findings if one.outcome in bad)
