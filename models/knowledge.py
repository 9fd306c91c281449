"""The texts that explain a result to patients and clinicians, read from the files that come with Hilum."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from domain.errors import Misconfigured
from domain.knowledge import HEADINGS, Knowledge, Register, Section, Source, Topic

TEXTS = Path(__file__).parent / "texts"
"""One TOML file a topic, named after it."""


def load_knowledge(topic: Topic, folder: Path = TEXTS) -> Knowledge:
    """Return the text on a topic, after checking it.

    Raises:
        Misconfigured: the file is missing, is no TOML, or lacks something; it says what.
    """
    file = folder / f"{topic}.toml"
    try:
        return _knowledge(topic, tomllib.loads(file.read_bytes().decode("utf-8")))
    except OSError as error:
        raise Misconfigured(f"the text {file} can't be read: {error.strerror}; install Hilum again") from error
    except KeyError as error:
        raise Misconfigured(f"{file} lacks the entry {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise Misconfigured(f"{file} is not a valid text: {error}") from error


def _knowledge(topic: Topic, table: dict[str, Any]) -> Knowledge:
    if table["label"] != topic:
        raise ValueError(f"its label is {table['label']!r}")
    reviewed = table["reviewed"]
    if type(reviewed) is not date:
        raise ValueError("reviewed is a date without a time")
    return Knowledge(
        label=topic,
        title=str(table["title"]),
        version=str(table["version"]),
        reviewed=reviewed,
        sources=tuple(_source(key, entry) for key, entry in table["sources"].items()),
        plain=_register(table["plain"]),
        clinical=_register(table["clinical"]),
    )


def _source(key: str, entry: dict[str, Any]) -> Source:
    return Source(
        key=key,
        title=str(entry["title"]),
        publisher=str(entry["publisher"]),
        published=str(entry["published"]),
        place=str(entry["place"]),
    )


def _register(table: dict[str, Any]) -> Register:
    return Register(**{name: _section(table[name]) for name in HEADINGS})


def _section(table: dict[str, Any]) -> Section:
    return Section(
        paragraphs=tuple(str(paragraph) for paragraph in table["text"]),
        sources=tuple(str(key) for key in table["sources"]),
    )
