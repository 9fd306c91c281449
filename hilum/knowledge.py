"""`hilum knowledge`: what patients and clinicians should know about a result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from domain.knowledge import NOTICES, Audience, Topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.knowledge import Knowledge, Register, Source

_WIDTH = 100
_TITLES = {Audience.PATIENTS: "For patients", Audience.CLINICIANS: "For clinicians"}


@click.command()
@click.argument("label", required=False, metavar="[LABEL]", type=click.Choice([*Topic], case_sensitive=False))
@click.option(
    "--for",
    "audience",
    type=click.Choice([*Audience], case_sensitive=False),
    help="Only the text for these readers; both without it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object, or a list of all without LABEL.")
def knowledge(label: Topic | None, audience: Audience | None, *, as_json: bool) -> None:
    """Show what to know about a result: meaning, symptoms, causes, treatment options, prevention, when to see a doctor.

    LABEL is COVID19, NORMAL or PNEUMONIA, UNDETERMINED (no class is certain enough to be named) or UNSUITABLE (the film
    can't be judged).
    Without it the texts are listed with their versions.

    The texts are information, not medical advice. A network's output is decision support, not a diagnosis.
    """
    from models.knowledge import load_knowledge

    audiences = tuple(Audience) if audience is None else (audience,)
    texts = [load_knowledge(topic) for topic in (Topic if label is None else (label,))]
    if as_json:
        entries = [as_dict(text, audiences) for text in texts]
        click.echo(json.dumps(entries if label is None else entries[0], ensure_ascii=False, indent=2))
    elif label is None:
        for text in texts:
            click.echo(f"{text.label:14}{text.title:42}version {text.version}, reviewed {text.reviewed}")
        click.echo(f"\n{' '.join(NOTICES)}")
    else:
        click.echo("\n".join(_lines(texts[0], audiences)))


def as_dict(text: Knowledge, audiences: Sequence[Audience]) -> dict[str, object]:
    """Return a text for JSON: each register by its audience, as a list of headed sections."""
    return {
        "label": text.label,
        "title": text.title,
        "version": text.version,
        "reviewed": text.reviewed.isoformat(),
        "notices": NOTICES,
        **{audience: _register(text.register(audience)) for audience in audiences},
        "sources": {source.key: _source(source) for source in _cited(text, audiences)},
    }


def _register(register: Register) -> list[dict[str, object]]:
    return [
        {"heading": heading, "paragraphs": section.paragraphs, "sources": section.sources}
        for heading, section in register.sections()
    ]


def _source(source: Source) -> dict[str, str]:
    return {
        "title": source.title,
        "publisher": source.publisher,
        "published": source.published,
        "place": source.place,
    }


def _cited(text: Knowledge, audiences: Sequence[Audience]) -> list[Source]:
    cited = {key for audience in audiences for key in text.register(audience).cited}
    return [source for source in text.sources if source.key in cited]


def _lines(text: Knowledge, audiences: Sequence[Audience]) -> Iterator[str]:
    yield f"{text.title} ({text.label})"
    yield f"version {text.version}, reviewed {text.reviewed}"
    yield from NOTICES
    sources = _cited(text, audiences)
    numbers = {source.key: number for number, source in enumerate(sources, start=1)}
    for audience in audiences:
        yield f"\n== {_TITLES[audience]} =="
        for heading, section in text.register(audience).sections():
            marks = ", ".join(str(number) for number in sorted(numbers[key] for key in section.sources))
            yield f"\n{heading} [{marks}]"
            yield from (_wrapped(paragraph, "- ") for paragraph in section.paragraphs)
    yield "\nSources"
    for source in sources:
        words = f"{source.title}. {source.publisher}, {source.published}. {source.place}"
        yield _wrapped(words, f"[{numbers[source.key]}] ")


def _wrapped(paragraph: str, mark: str) -> str:
    indent = " " * len(mark)
    return click.wrap_text(paragraph, width=_WIDTH, initial_indent=mark, subsequent_indent=indent)
