"""`hilum import`: films from folders, archives and DICOM media, as if they had been received."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from domain.errors import Transient
from hilum import stopping
from hilum.progress import bar
from hilum.storage import door

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable
    from pathlib import Path

    from dicom_node.importer import Importer
    from dicom_node.media import Outcome
    from domain.ids import AeTitle
    from hilum.progress import Advance
    from hilum.settings import Settings

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


@dataclass(kw_only=True, slots=True)
class Tally:
    """What became of the files so far."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    failed: list[tuple[str, Outcome]] = field(default_factory=list)
    ended_early: str | None = None
    """Why the rest was not looked at."""
    is_interrupted: bool = False

    def add(self, name: str, outcome: Outcome) -> None:
        """Count one more; what was left behind is told at the end, and not where the log is."""
        self.counts[outcome] += 1
        if outcome.is_failure:
            self.failed.append((printable(name), outcome))

    @property
    def status(self) -> int:
        """The exit status."""
        if self.is_interrupted:
            return INTERRUPTED
        return int(bool(self.failed or self.ended_early))

    def as_json(self) -> str:
        """Return all of it as one line of JSON."""
        return json.dumps(
            {
                "counts": {str(outcome): count for outcome, count in self.counts.items()},
                "failed": [{"file": name, "reason": outcome} for name, outcome in self.failed],
                "ended_early": self.ended_early,
                "interrupted": self.is_interrupted,
            }
        )


def run(settings: Settings, paths: list[Path], *, source: AeTitle, as_json: bool) -> int:
    """Take every film under `paths`, print what became of the files, and return the exit status.

    Raises:
        Misconfigured: the database has another schema, or the spool can't be used.
        Transient: the database can't be reached.
    """
    from dicom_node.importer import Importer

    stop = stopping.on_signals()
    tally = Tally()
    with door(settings, role="import", to_read=False) as opened:
        importer = Importer(opened.storage, source=source, stop=stop)
        with bar("importing", _count(paths, stop)) as advance:
            _take(paths, importer, tally, advance)
        opened.events.info("films-imported", count=tally.counts.total(), calling=source)
    click.echo(tally.as_json() if as_json else "\n".join(_lines(tally)))
    if tally.ended_early is not None:
        click.echo(f"hilum: ended early: {tally.ended_early}; import again to go on", err=True)
    return tally.status


def _count(paths: Iterable[Path], stop: threading.Event) -> int | None:
    """Count the files for the bar; nobody needs to know where there is none."""
    from dicom_node.media import sources

    if not sys.stderr.isatty():
        return None
    total = 0
    for _ in sources(paths):
        total += 1
        if stop.is_set():
            return None
    return total


def _take(paths: Iterable[Path], importer: Importer, tally: Tally, advance: Advance) -> None:
    from dicom_node.importer import Interrupted
    from dicom_node.media import Trouble, sources

    try:
        for source in sources(paths):
            tally.add(source.name, source.outcome if isinstance(source, Trouble) else importer.take(source))
            advance(1)
    except Interrupted:
        tally.is_interrupted = True
        tally.ended_early = "interrupted"
    except Transient as error:
        tally.ended_early = str(error)


def _lines(tally: Tally) -> list[str]:
    failed = [f"{outcome}: {name}" for name, outcome in tally.failed]
    lines = [f"{count:>8}  {outcome}" for outcome, count in sorted(tally.counts.items())]
    return [*failed, "   files", *lines] if lines else ["no files"]


def printable(name: str) -> str:
    """Return a name without what would move the cursor or can't be encoded: it may come from an archive."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)
