"""What people should know who read a result: symptoms, causes, treatment, prevention, and when to see a doctor."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

from domain.findings import Findings, Label, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

NOTICES = ("Information, not medical advice.", "A network's output is decision support, not a diagnosis.")
"""Shown wherever a text is shown."""

_VERSION = re.compile(r"\d+\.\d+\.\d+")


class Topic(StrEnum):
    """What a text is about: a class of the network, or a result that names no class."""

    COVID19 = Label.COVID19
    NORMAL = Label.NORMAL
    PNEUMONIA = Label.PNEUMONIA
    UNDETERMINED = "UNDETERMINED"
    UNSUITABLE = "UNSUITABLE"

    @classmethod
    def of(cls, findings: Findings) -> Topic:
        """Return the text that belongs to a study's result."""
        if findings.outcome is Outcome.COULD_NOT_PROCESS:
            return cls.UNSUITABLE
        return cls.UNDETERMINED if findings.label is None else cls(findings.label)


class Audience(StrEnum):
    """Whom a text is written for."""

    PATIENTS = "patients"
    CLINICIANS = "clinicians"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A publication that a text rests on."""

    key: str
    """Short name by which sections cite it."""
    title: str
    publisher: str
    published: str
    """Date or year; `living page` where the publisher changes one page in place."""
    place: str
    """Where to find it: DOI, number of the document, or address."""

    def __post_init__(self) -> None:
        if not all((self.key, self.title, self.publisher, self.published, self.place)):
            raise ValueError("a source has a key, a title, a publisher, a date of publication and a place")


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A few paragraphs on one question, with the keys of the sources they rest on."""

    paragraphs: tuple[str, ...]
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.paragraphs or not all(paragraph.strip() for paragraph in self.paragraphs):
            raise ValueError("a section has text in every paragraph")
        if not self.sources:
            raise ValueError("a section names its sources")


@dataclass(frozen=True, kw_only=True, slots=True)
class Register:
    """A text in the language of one audience."""

    meaning: Section
    """What the network's answer says and what it does not."""
    symptoms: Section
    causes: Section
    treatment: Section
    prevention: Section
    when_to_see_a_doctor: Section

    @property
    def cited(self) -> frozenset[str]:
        """Keys of the sources that the sections name."""
        return frozenset(key for _, section in self.sections() for key in section.sources)

    def sections(self) -> Iterator[tuple[str, Section]]:
        """Yield every section after its heading, in the order in which they are read."""
        for field in fields(self):
            yield HEADINGS[field.name], getattr(self, field.name)


HEADINGS = {
    "meaning": "What the result means",
    "symptoms": "Symptoms",
    "causes": "Causes",
    "treatment": "Treatment options",
    "prevention": "Prevention",
    "when_to_see_a_doctor": "When to see a doctor",
}
"""Headings by the name of a section."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Knowledge:
    """The text on one topic, in both registers, with its version and its sources."""

    label: Topic
    title: str
    version: str
    """Version of this text: major.minor.patch."""
    reviewed: date
    """Day on which the text was last compared with its sources."""
    sources: tuple[Source, ...]
    plain: Register
    """For patients: short sentences, everyday words."""
    clinical: Register
    """For clinicians."""

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("a text has a title")
        if not _VERSION.fullmatch(self.version):
            raise ValueError(f"a version is major.minor.patch, not {self.version!r}")
        known = {source.key for source in self.sources}
        if len(known) != len(self.sources):
            raise ValueError("every source has a key of its own")
        cited = {
            key for audience in Audience for _, section in self.register(audience).sections() for key in section.sources
        }
        if unknown := sorted(cited - known):
            raise ValueError(f"sections cite unknown sources: {', '.join(unknown)}")
        if idle := sorted(known - cited):
            raise ValueError(f"no section cites these sources: {', '.join(idle)}")

    def register(self, audience: Audience) -> Register:
        """Return the text for one audience."""
        return self.plain if audience is Audience.PATIENTS else self.clinical
