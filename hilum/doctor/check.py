"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a check ends."""

    OK = "ok"
    WARNING = "warning"
    """It works; somebody should look."""
    FAILURE = "failure"
    """Something does not work, or films could be lost."""
    NOT_APPLICABLE = "not applicable"
    """These settings, or this machine, have nothing of the kind."""


_SEVERITY = (Outcome.NOT_APPLICABLE, Outcome.OK, Outcome.WARNING, Outcome.FAILURE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was seen."""

    outcome: Outcome
    seen: str
    remedy: str = ""
    """What to do: a command, or a setting to change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What came of a check."""

    name: str
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def outcome(self) -> Outcome:
        """The worst of its findings."""
        return worst(finding.outcome for finding in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """Something to look at."""

    name: str
    """Of one kind of check with many subjects `kind.subject`, as in `peers.pacs`."""
    about: str
    """What it looks at, in words."""
    look: Callable[[], Iterable[Finding]]
    """May raise: Hilum's own errors are failures in their words, foreign ones by their type."""
    limit_s: float = 20.0
    """After so long the check has failed."""
    waits: bool = False
    """It mostly waits for somebody else, so that others may be looked at meanwhile."""


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the worst of some outcomes; without any there is nothing to look at."""
    return max(outcomes, key=_SEVERITY.index, default=Outcome.NOT_APPLICABLE)


def ok(seen: str, remedy: str = "") -> Finding:
    """Return that something is as it should be."""
    return Finding(outcome=Outcome.OK, seen=seen, remedy=remedy)


def warning(seen: str, remedy: str) -> Finding:
    """Return that something works, but should be looked at."""
    return Finding(outcome=Outcome.WARNING, seen=seen, remedy=remedy)


def failure(seen: str, remedy: str) -> Finding:
    """Return that something does not work."""
    return Finding(outcome=Outcome.FAILURE, seen=seen, remedy=remedy)


def not_applicable(seen: str, remedy: str = "") -> Finding:
    """Return that there is nothing of the kind here."""
    return Finding(outcome=Outcome.NOT_APPLICABLE, seen=seen, remedy=remedy)
