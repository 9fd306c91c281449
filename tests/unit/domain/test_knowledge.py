from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.film import Unsuitable
from domain.findings import Findings, Label, Probabilities
from domain.knowledge import HEADINGS, Audience, Knowledge, Register, Section, Source, Topic
from tests.fakes import MODEL, stored_film

SOURCE = Source(key="who", title="A fact sheet", publisher="WHO", published="2022", place="somewhere")
SECTION = Section(paragraphs=("Wash your hands.",), sources=("who",))
REGISTER = Register(**dict.fromkeys(HEADINGS, SECTION))
TEXT = Knowledge(
    label=Topic.NORMAL,
    title="Normal",
    version="1.0.0",
    reviewed=date(2026, 1, 1),
    sources=(SOURCE,),
    plain=REGISTER,
    clinical=REGISTER,
)


def test_every_class_of_the_network_is_a_topic() -> None:
    """Each label names a topic, and two topics speak of results without a class."""
    assert set(Label) | {Topic.UNDETERMINED, Topic.UNSUITABLE} == set(Topic)


def test_a_result_leads_to_its_topic() -> None:
    """A named class, an answer that is not certain enough, and a study without a usable film."""
    films = (stored_film(),)

    def topic(*probabilities: float) -> Topic:
        covid19, normal, pneumonia = probabilities
        answer = Probabilities(covid19=covid19, normal=normal, pneumonia=pneumonia)
        return Topic.of(Findings(model=MODEL, films=films, analysed=films[0], probabilities=answer))

    assert topic(0.1, 0.2, 0.7) is Topic.PNEUMONIA
    assert topic(0.4, 0.3, 0.3) is Topic.UNDETERMINED
    assert Topic.of(Findings(model=MODEL, films=films, unsuitable=Unsuitable.NOT_FRONTAL)) is Topic.UNSUITABLE


def test_a_register_is_read_in_a_fixed_order() -> None:
    """What the result means comes first, when to see a doctor last, and no section is missing."""
    headings = [heading for heading, _ in REGISTER.sections()]
    assert headings == list(HEADINGS.values())
    assert (headings[0], headings[-1]) == ("What the result means", "When to see a doctor")


def test_each_audience_has_its_register() -> None:
    """Patients get the plain register, clinicians the clinical one."""
    text = replace(TEXT, clinical=replace(REGISTER, causes=replace(SECTION, paragraphs=("A virus.",))))
    assert text.register(Audience.PATIENTS) is text.plain
    assert text.register(Audience.CLINICIANS) is text.clinical


def test_a_citation_of_an_unknown_source_is_refused() -> None:
    """The error names the key."""
    stray = replace(REGISTER, causes=replace(SECTION, sources=("who", "hearsay")))
    with pytest.raises(ValueError, match="unknown sources: hearsay"):
        replace(TEXT, plain=stray)


def test_a_source_that_nobody_cites_is_refused() -> None:
    """The error names the key."""
    with pytest.raises(ValueError, match="no section cites these sources: cdc"):
        replace(TEXT, sources=(SOURCE, replace(SOURCE, key="cdc")))


def test_two_sources_with_one_key_are_refused() -> None:
    """A citation must lead to one source."""
    with pytest.raises(ValueError, match="key of its own"):
        replace(TEXT, sources=(SOURCE, replace(SOURCE, title="Another")))


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"paragraphs": ()}, "text"), ({"paragraphs": ("A.", " ")}, "text"), ({"sources": ()}, "sources")],
    ids=["no-paragraph", "blank-paragraph", "no-source"],
)
def test_a_section_has_text_and_sources(change: dict[str, tuple[str, ...]], reason: str) -> None:
    """An empty one is refused."""
    with pytest.raises(ValueError, match=reason):
        replace(SECTION, **change)


@pytest.mark.parametrize(("name", "value"), [("version", "1.0"), ("title", "")])
def test_a_text_has_a_version_and_a_title(name: str, value: str) -> None:
    """A version of two parts or an empty title is refused."""
    with pytest.raises(ValueError, match=name):
        replace(TEXT, **{name: value})


def test_a_source_is_complete() -> None:
    """A source without a publisher is refused."""
    with pytest.raises(ValueError, match="publisher"):
        replace(SOURCE, publisher="")
