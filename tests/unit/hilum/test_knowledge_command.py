"""`hilum knowledge` as a person and as a program call it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from domain.knowledge import HEADINGS, NOTICES, Topic
from hilum.knowledge import knowledge


def output(*arguments: str) -> str:
    done = CliRunner().invoke(knowledge, arguments)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("topic", Topic)
def test_a_text_is_shown_with_headings_notices_and_sources(topic: Topic) -> None:
    """Both registers, every section, the notices, version and sources."""
    shown = output(topic)
    for words in (*HEADINGS.values(), *NOTICES, "For patients", "For clinicians", "Sources", "version 1.", "[1]"):
        assert words in shown


def test_one_register_can_be_asked_for() -> None:
    """With the sources that it cites, and no others."""
    shown = output("pneumonia", "--for", "patients")
    assert "For clinicians" not in shown
    assert "National Health Service" in shown
    assert "American Thoracic Society" in output("pneumonia", "--for", "clinicians")


def test_without_a_label_the_texts_are_listed() -> None:
    """Every topic with its version, and the notices."""
    shown = output()
    assert all(topic in shown for topic in Topic)
    assert all(notice in shown for notice in NOTICES)


def test_json_has_every_section_and_only_cited_sources() -> None:
    """One object for a label, with the notices in it."""
    text: dict[str, Any] = json.loads(output("normal", "--for", "clinicians", "--json"))
    assert [section["heading"] for section in text["clinicians"]] == list(HEADINGS.values())
    assert "patients" not in text
    assert text["notices"] == list(NOTICES)
    assert {key for section in text["clinicians"] for key in section["sources"]} == set(text["sources"])


def test_json_without_a_label_is_a_list() -> None:
    """All texts with both registers."""
    texts = json.loads(output("--json"))
    assert [text["label"] for text in texts] == list(Topic)
    assert all({"patients", "clinicians"} <= set(text) for text in texts)


def test_an_unknown_label_is_refused_with_those_known() -> None:
    """A wrong word is no traceback."""
    done = CliRunner().invoke(knowledge, ["flu"])
    assert done.exit_code == 2
    assert "covid19" in done.output.lower()
