"""The shipped texts: complete, dated, readable, without dosages, and careful."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.errors import Misconfigured
from domain.knowledge import NOTICES, Audience, Knowledge, Register, Topic
from models.knowledge import TEXTS, load_knowledge

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_TEXT = date(2026, 11, 1)
MOST_YEARS_OF_SCHOOL = 6.0
"""Flesch-Kincaid grade of a plain register: what a reader with B1 English can follow."""
MOST_WORDS_IN_A_SENTENCE = 28
DOSAGE = re.compile(
    r"\d\s*(mg|mcg|µg|g|ml|mL|l|iu|IU|units?|tablets?|capsules?|puffs?|drops|doses?)\b"
    r"|\bper (kg|day|dose)\b|/\s*(kg|day|d)\b"
    r"|\b(once|twice|(two|three|four|\d+) times)( a| per)? (day|daily)\b|\bevery \w+ hours\b"
    r"|\b(bd|tds|qds|b\.i\.d|q\d+h)\b",
)
EMERGENCY = "Call the emergency number now"


@pytest.fixture(params=Topic)
def text(request: pytest.FixtureRequest) -> Knowledge:
    """Each shipped text in turn."""
    return load_knowledge(request.param)


def paragraphs(register: Register) -> Iterator[str]:
    for _, section in register.sections():
        yield from section.paragraphs


def sentences(register: Register) -> list[str]:
    return [part for paragraph in paragraphs(register) for part in re.split(r"(?<=[.!?])\s+", paragraph)]


def words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z][A-Za-z'-]*", text)


def syllables(word: str) -> int:
    """Groups of vowels, without a silent e at the end: right for four words of five, and even over a text."""
    spoken = re.sub(r"(?<=[^aeiouy])e$|(?<=[^aeiouytd])ed$|(?<=[^aeiouysxz])es$", "", word.lower())
    return max(1, len(re.findall(r"[aeiouy]+", spoken)))


def grade(register: Register) -> float:
    """Years of school by J. P. Kincaid et al., 1975."""
    all_sentences = sentences(register)
    all_words = [word for sentence in all_sentences for word in words(sentence)]
    per_word = sum(map(syllables, all_words)) / len(all_words)
    return 0.39 * len(all_words) / len(all_sentences) + 11.8 * per_word - 15.59


def test_a_text_is_versioned_and_dated(text: Knowledge) -> None:
    """Each file speaks of its own topic and says when it was last compared with its sources."""
    assert text.version
    assert FIRST_TEXT <= text.reviewed <= date.today()  # noqa: DTZ011 - a day is fine enough


def test_there_is_one_file_a_topic() -> None:
    """No text is left over, and none is missing."""
    assert {file.stem for file in TEXTS.iterdir()} == set(Topic)


def test_plain_text_is_plain(text: Knowledge) -> None:
    """Short sentences and short words."""
    assert grade(text.plain) <= MOST_YEARS_OF_SCHOOL
    assert max(len(words(sentence)) for sentence in sentences(text.plain)) <= MOST_WORDS_IN_A_SENTENCE


def test_the_measure_tells_the_registers_apart(text: Knowledge) -> None:
    """The clinical register would fail the bound of the plain one: the bound can fail."""
    assert grade(text.clinical) > MOST_YEARS_OF_SCHOOL + 2


@pytest.mark.parametrize("audience", Audience)
def test_no_text_gives_a_dosage(text: Knowledge, audience: Audience) -> None:
    """Neither amounts of a medicine nor how often to take it."""
    assert DOSAGE.findall(" ".join(paragraphs(text.register(audience)))) == []


@pytest.mark.parametrize(
    "prescription", ["500 mg", "two times a day", "every six hours", "10 ml", "2 tablets", "5 mg/kg"]
)
def test_a_dosage_would_be_found(prescription: str) -> None:
    """The pattern knows the usual ways to write one."""
    assert DOSAGE.search(f"Take it, {prescription}, until you feel better.")


def test_every_plain_text_says_when_to_call_for_help(text: Knowledge) -> None:
    """The signs of an emergency stand first under `When to see a doctor`, whatever the network said."""
    assert text.plain.when_to_see_a_doctor.paragraphs[0].startswith(EMERGENCY)


@pytest.mark.parametrize("topic", [Topic.COVID19, Topic.PNEUMONIA])
def test_a_named_disease_is_no_proof(topic: Topic) -> None:
    """The plain text says so, and the clinical one names what else looks like it."""
    text = load_knowledge(topic)
    assert "This is not proof." in " ".join(text.plain.meaning.paragraphs)
    assert "pneumonia" in " ".join(text.clinical.meaning.paragraphs)


def test_a_normal_film_does_not_exclude_disease() -> None:
    """Both registers say it, and that films are often normal early in COVID-19."""
    text = load_knowledge(Topic.NORMAL)
    plain, clinical = (" ".join(register.meaning.paragraphs) for register in (text.plain, text.clinical))
    assert "A normal X-ray does not rule out an illness." in plain
    assert "In the first days of COVID-19 the X-ray is often normal." in plain
    assert "A normal radiograph does not exclude disease." in clinical
    assert "early COVID-19" in clinical


def test_the_notices_are_in_every_file() -> None:
    """Who opens a file itself reads them, too."""
    for topic in Topic:
        first_line = (TEXTS / f"{topic}.toml").read_text(encoding="utf-8").splitlines()[0]
        assert first_line == f"# {' '.join(NOTICES)}"


def edited(folder: Path, old: str, new: str) -> Path:
    """Copy the text on COVID-19 into a folder, with something changed."""
    shutil.copy(TEXTS / "COVID19.toml", folder)
    file = folder / "COVID19.toml"
    content = file.read_text(encoding="utf-8")
    assert old in content
    file.write_text(content.replace(old, new, 1), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('label = "COVID19"', 'label = "NORMAL"', "its label is 'NORMAL'"),
        ('version = "1.0.0"', "", "lacks the entry 'version'"),
        ("[plain.causes]", "[plain.reasons]", "lacks the entry 'causes'"),
        ("reviewed = 2026-11-23", 'reviewed = "lately"', "reviewed is a date"),
        ('["who-imaging", "acr-2020"]', '["hearsay"]', "unknown sources: hearsay"),
        ('title = "COVID-19"', "title = ", "not a valid text"),
    ],
    ids=["label", "version", "section", "date", "citation", "toml"],
)
def test_a_broken_text_is_refused_with_the_file_and_the_reason(tmp_path: Path, old: str, new: str, reason: str) -> None:
    """The error names both, so that a person can mend it."""
    with pytest.raises(Misconfigured, match=reason) as refusal:
        load_knowledge(Topic.COVID19, edited(tmp_path, old, new))
    assert "COVID19.toml" in str(refusal.value)


def test_a_missing_text_is_refused(tmp_path: Path) -> None:
    """The error says which file, and what to do."""
    with pytest.raises(Misconfigured, match=r"NORMAL\.toml.*install Hilum again"):
        load_knowledge(Topic.NORMAL, tmp_path)
