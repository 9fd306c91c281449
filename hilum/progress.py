"""Bars for work that takes minutes or hours: one a stage, with the time it still takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

Tell = Callable[[str, int, int, dict[str, float]], None]
"""Told what goes on: the stage's name, what is done of it, how much there is in all, the latest figures."""

Advance = Callable[[int], None]
"""Told how much more is done."""

_LINES = 20
"""Lines a stage, where there is no terminal for a bar."""


@contextmanager
def progress(shown: Mapping[str, str]) -> Iterator[Tell]:
    """Show one bar a stage, on standard error; without a terminal, plain lines.

    `shown` gives the figures to show, and what they are called.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def tell(stage: str, done: int, total: int, figures: dict[str, float]) -> None:
            text = "  ".join(f"{name} {figures[key]:.3f}" for key, name in shown.items() if key in figures)
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, figures="")
            bars.update(tasks[stage], completed=done, total=total, figures=text)
            if not console.is_terminal and (done == total or done % max(total // _LINES, 1) == 0):
                console.print(f"{stage} {done}/{total} {text}".rstrip(), highlight=False, soft_wrap=True)

        yield tell


@contextmanager
def bar(stage: str, total: int | None = None) -> Iterator[Advance]:
    """Show one bar on standard error while the block runs, and nothing without a terminal.

    `total` is how much there is in all; None where nobody knows.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(stage, total=total)
        yield lambda more: bars.advance(task, more)


@contextmanager
def at_work() -> Iterator[Callable[[str], None]]:
    """Show on standard error what goes on while the block runs, in one line, and nothing without a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield status.update
