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
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from domain.film import FilmHeader, GreyImage
    from domain.findings import ModelVersion, Probabilities
    from domain.ports import Explainer
    from hilum.explain import ExplanationFolder, WrittenExplanation
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
    explanation: WrittenExplanation | None = None

    def as_json(self, model: ModelVersion, *, explained: bool = False) -> str:
        """Return the result as one line of JSON, with the entry `explanation` where explanations were asked for.

        `label` is the most probable class; `undetermined` says that the model does not stand by it, its probability
        being below the model's threshold. Both are null, like the probabilities, where the film was not classified.
        """
        probabilities = self.probabilities
        fields: dict[str, object] = {
            "file": str(self.file),
            "eligible": self.unsuitable is None,
            "reason": self.unsuitable,
            "label": None if probabilities is None else probabilities.label,
            "undetermined": None if probabilities is None else model.label_of(probabilities) is None,
            "probabilities": None if probabilities is None else probabilities.as_dict(),
            "model": model.name,
            "model_version": model.version,
        }
        if explained:
            fields["explanation"] = None if self.explanation is None else self.explanation.as_dict()
        return json.dumps(fields)


def run(settings: Settings, paths: Sequence[Path], *, as_json: bool, explain: Path | None = None) -> int:
    """Classify every film under `paths`, print the results; return 1 if a file could not be read, else 0.

    With a folder `explain` the evidence for each result is written there.

    Raises:
        Misconfigured: the model is damaged, or the explanations can't be written.
    """
    log.silence_toolkits()
    folder = None if explain is None else _explanations(explain, paths)
    classifier = bootstrap.classifier(settings)
    files = film_files(paths, without=explain)
    if as_json:
        results = classify(files, classifier, folder)
        return int(_print_lines(results, classifier.model, explained=folder is not None))
    listed = list(files)
    return int(_print_table(classify(listed, classifier, folder), classifier.model, total=len(listed)))


def _explanations(folder: Path, films: Sequence[Path]) -> ExplanationFolder:
    from hilum.explain import ExplanationFolder

    return ExplanationFolder(folder, films=films)


def film_files(paths: Iterable[Path], *, without: Path | None = None) -> Iterator[Path]:
    """Yield the named files, and of folders every file that looks like a film, sorted.

    The folder `without` is passed over wherever it is met. Only the names of the open folders are held at a time.
    """
    for path in paths:
        if path.is_dir():
            yield from _films_below(path, without)
        else:
            yield path


def _films_below(folder: Path, without: Path | None) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are a tenth of the size of paths
    except OSError:
        yield folder  # it is named in the result as unreadable rather than passed over
        return
    for name in names:
        path = folder / name
        if path.is_dir():
            if not path.is_symlink() and (without is None or path.resolve() != without.resolve()):
                yield from _films_below(path, without)
        elif path.is_file() and _looks_like_a_film(path):
            yield path


def classify(
    files: Iterable[Path], classifier: Explainer, folder: ExplanationFolder | None = None
) -> Iterator[FilmResult]:
    """Yield one result per file, in order; decoding runs ahead in threads, by a batch at most.

    With a folder, the evidence for every result is written there.

    Raises:
        Misconfigured: an explanation can't be written.
    """
    from dicom_node.films import read_film

    remaining = iter(files)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        batch = list(islice(remaining, _BATCH))
        decoding = [pool.submit(_read, read_film, file) for file in batch]
        while batch:
            ahead = list(islice(remaining, _BATCH))
            decoding_ahead = [pool.submit(_read, read_film, file) for file in ahead]
            yield from _classify_batch(batch, [future.result() for future in decoding], classifier, folder)
            batch, decoding = ahead, decoding_ahead


def _read(read_film: Callable[[Path], tuple[FilmHeader, GreyImage | None]], file: Path) -> GreyImage | Unsuitable:
    try:
        header, image = read_film(file)
    except OSError:
        return Unsuitable.UNREADABLE
    return image if image is not None else header.unsuitable or Unsuitable.UNREADABLE


def _classify_batch(
    files: Sequence[Path],
    films: Sequence[GreyImage | Unsuitable],
    classifier: Explainer,
    folder: ExplanationFolder | None,
) -> Iterator[FilmResult]:
    readable = [(file, film) for file, film in zip(files, films, strict=True) if not isinstance(film, Unsuitable)]
    judged = _judge(readable, classifier) if folder is None else _explain(readable, classifier, folder)
    for file, film in zip(files, films, strict=True):
        yield FilmResult(file=file, unsuitable=film) if isinstance(film, Unsuitable) else next(judged)


def _judge(films: Sequence[tuple[Path, GreyImage]], classifier: Explainer) -> Iterator[FilmResult]:
    answers = classifier.classify([image for _, image in films])
    for (file, _), answer in zip(films, answers, strict=True):
        if isinstance(answer, Unsuitable):
            yield FilmResult(file=file, unsuitable=answer)
        else:
            yield FilmResult(file=file, probabilities=answer)


def _explain(
    films: Sequence[tuple[Path, GreyImage]], classifier: Explainer, folder: ExplanationFolder
) -> Iterator[FilmResult]:
    answers = classifier.explain([image for _, image in films])
    for (file, image), answer in zip(films, answers, strict=True):
        if isinstance(answer, Unsuitable):
            yield FilmResult(file=file, unsuitable=answer)
        else:
            written = folder.write(file.stem, image, answer, classifier.model)
            yield FilmResult(file=file, probabilities=answer.probabilities, explanation=written)


def _looks_like_a_film(file: Path) -> bool:
    if file.suffix.lower() in _FILM_SUFFIXES:
        return True
    try:
        with file.open("rb") as content:
            return content.read(_DICOM_PREFIX_END).endswith(_DICOM_PREFIX)
    except OSError:
        return True  # it is named in the result as unreadable rather than passed over


def _print_lines(results: Iterator[FilmResult], model: ModelVersion, *, explained: bool) -> bool:
    unread = False
    for result in results:
        print(result.as_json(model, explained=explained), flush=True)  # noqa: T201 - the command's output
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
