"""`hilum classify`: films from the disk straight to the network, a batch at a time."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from domain.film import Unsuitable
from domain.findings import DISCLAIMER, Label
from hilum import bootstrap, log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from domain.film import FilmHeader, GreyImage
    from domain.findings import ModelVersion, Probabilities
    from domain.ports import Classifier
    from hilum.settings import Settings

_BATCH = 16
_FILM_SUFFIXES = {".dcm", ".dicom", ".jpg", ".jpeg", ".png"}
_DICOM_PREFIX = b"DICM"
_DICOM_PREFIX_END = 132
_COULD_NOT_BE_READ = {Unsuitable.UNREADABLE, Unsuitable.PIXELS_CORRUPT}


@dataclass(frozen=True, kw_only=True, slots=True)
class FilmResult:
    """What became of one file."""

    file: Path
    unsuitable: Unsuitable | None = None
    probabilities: Probabilities | None = None

    def as_json(self, model: ModelVersion) -> str:
        """Return the result as one line of JSON.

        `label` is the most probable class; `undetermined` says that the model does not stand by it, its probability
        being below the model's threshold. Both are null, like the probabilities, where the film was not classified.
        """
        probabilities = self.probabilities
        return json.dumps(
            {
                "file": str(self.file),
                "eligible": self.unsuitable is None,
                "reason": self.unsuitable,
                "label": None if probabilities is None else probabilities.label,
                "undetermined": None if probabilities is None else model.label_of(probabilities) is None,
                "probabilities": None if probabilities is None else probabilities.as_dict(),
                "model": model.name,
                "model_version": model.version,
            }
        )


def run(settings: Settings, paths: Sequence[Path], *, as_json: bool) -> int:
    """Classify every film under `paths`, print the results; return 1 if a file could not be read, else 0.

    Raises:
        Misconfigured: the model is damaged.
    """
    log.silence_toolkits()
    files = list(film_files(paths))
    classifier = bootstrap.classifier(settings)
    results = classify(files, classifier)
    if as_json:
        unread = _print_lines(results, classifier.model)
    else:
        unread = _print_table(results, classifier.model, total=len(files))
    return 1 if unread else 0


def film_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the named files, and of folders every file that looks like a film, sorted."""
    for path in paths:
        if path.is_dir():
            yield from (file for file in sorted(path.rglob("*")) if file.is_file() and _looks_like_a_film(file))
        else:
            yield path


def classify(files: Sequence[Path], classifier: Classifier) -> Iterator[FilmResult]:
    """Yield one result per file, in order; decoding runs ahead in threads, by a batch at most."""
    from dicom_node.films import read_film

    remaining = iter(files)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        batch = list(islice(remaining, _BATCH))
        decoding = [pool.submit(_read, read_film, file) for file in batch]
        while batch:
            ahead = list(islice(remaining, _BATCH))
            decoding_ahead = [pool.submit(_read, read_film, file) for file in ahead]
            yield from _classify_batch(batch, [future.result() for future in decoding], classifier)
            batch, decoding = ahead, decoding_ahead


def _read(read_film: Callable[[Path], tuple[FilmHeader, GreyImage | None]], file: Path) -> GreyImage | Unsuitable:
    try:
        header, image = read_film(file)
    except OSError:
        return Unsuitable.UNREADABLE
    return image if image is not None else header.unsuitable or Unsuitable.UNREADABLE


def _classify_batch(
    files: Sequence[Path], films: Sequence[GreyImage | Unsuitable], classifier: Classifier
) -> Iterator[FilmResult]:
    images = [film for film in films if not isinstance(film, Unsuitable)]
    answers = iter(classifier.classify(images))
    for file, film in zip(files, films, strict=True):
        if isinstance(film, Unsuitable):
            yield FilmResult(file=file, unsuitable=film)
        else:
            yield FilmResult(file=file, probabilities=next(answers))


def _looks_like_a_film(file: Path) -> bool:
    if file.suffix.lower() in _FILM_SUFFIXES:
        return True
    try:
        with file.open("rb") as content:
            return content.read(_DICOM_PREFIX_END).endswith(_DICOM_PREFIX)
    except OSError:
        return True  # it is named in the result as unreadable rather than passed over


def _print_lines(results: Iterator[FilmResult], model: ModelVersion) -> bool:
    unread = False
    for result in results:
        print(result.as_json(model), flush=True)  # noqa: T201 - the command's output
        unread |= result.unsuitable in _COULD_NOT_BE_READ
    return unread


def _print_table(results: Iterator[FilmResult], model: ModelVersion, *, total: int) -> bool:
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    table = Table("file", "label", *Label, "reason", title=f"{model.name} {model.version}", caption=DISCLAIMER)
    messages = Console(stderr=True)
    unread = []
    for result in track(
        results,
        total=total,
        description="classifying",
        console=messages,
        transient=True,
        disable=not messages.is_terminal,
    ):
        table.add_row(str(result.file), *_cells(result, model))
        if result.unsuitable in _COULD_NOT_BE_READ:
            unread.append(result)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    for result in unread:
        click.echo(f"could not be read: {result.file}: {result.unsuitable and result.unsuitable.sentence}", err=True)
    return bool(unread)


def _cells(result: FilmResult, model: ModelVersion) -> list[str]:
    if result.probabilities is None:
        return ["-", *("" for _ in Label), "" if result.unsuitable is None else result.unsuitable.sentence]
    label = model.label_of(result.probabilities)
    return [label or "undetermined", *(f"{value:.3f}" for value in result.probabilities.as_dict().values()), ""]
