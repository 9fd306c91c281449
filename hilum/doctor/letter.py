"""What a doctor writes at the end: for eyes, or as JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from hilum import __version__
from hilum.doctor.check import Outcome, worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hilum.doctor.check import Result

_SHOWN = {
    Outcome.OK: ("ok", "green"),
    Outcome.WARNING: ("WARNING", "yellow"),
    Outcome.FAILURE: ("FAILURE", "red"),
    Outcome.NOT_APPLICABLE: ("n/a", None),
}
_WORD, _NAME, _SECONDS = 7, 22, 5
"""Characters of the first three columns."""
_COUNTED = {Outcome.WARNING, Outcome.FAILURE}


def lines(results: Sequence[Result], seconds: float) -> Iterator[str]:
    """Yield the letter line by line, with colours that `click.echo` leaves out where there is no terminal."""
    for result in results:
        name, took = result.name, f"{result.seconds:.1f}s"
        for finding in result.findings:
            word, colour = _SHOWN[finding.outcome]
            outcome = click.style(f"{word:<{_WORD}}", fg=colour)
            yield f"{outcome} {name:<{_NAME}} {took:>{_SECONDS}}  {finding.seen}"
            if finding.remedy:
                yield f"{'':<{_WORD + _NAME + _SECONDS + 4}}-> {finding.remedy}"
            name = took = ""
    counts = Counter(result.outcome for result in results)
    told = ", ".join(_count(counts[outcome], outcome, is_counted=outcome in _COUNTED) for outcome in Outcome)
    yield f"{_count(len(results), 'check', is_counted=True)} in {seconds:.1f} s: {told}"


def as_json(results: Sequence[Result], seconds: float, source: Path | None) -> str:
    """Return the letter as one JSON object."""
    return json.dumps(
        {
            "version": __version__,
            "settings": None if source is None else str(source),
            "outcome": worst(result.outcome for result in results),
            "seconds": round(seconds, 3),
            "checks": [_described(result) for result in results],
        }
    )


def _count(number: int, word: str, *, is_counted: bool) -> str:
    return f"{number} {word}{'s' if is_counted and number != 1 else ''}"


def _described(result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "outcome": result.outcome,
        "seconds": round(result.seconds, 3),
        "findings": [
            {"outcome": finding.outcome, "seen": finding.seen, "remedy": finding.remedy} for finding in result.findings
        ],
    }
