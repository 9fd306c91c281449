"""Identifiers and the table of a job's states."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.film import Unsuitable
from domain.ids import AeTitle
from domain.jobs import TRANSITIONS, JobState, check_transition


@given(st.text())
def test_an_ae_title_is_valid_or_refused(text: str) -> None:
    """Whatever the text, the result is 1 to 16 printable ASCII characters without padding, or an error."""
    try:
        title = AeTitle(text)
    except ValueError:
        return
    assert 1 <= len(title) <= 16
    assert title == title.strip(" ")
    assert all(" " <= character <= "~" and character != "\\" for character in title)


def test_padding_of_an_ae_title_is_not_significant() -> None:
    """Spaces around it are dropped (PS3.5, VR AE)."""
    assert AeTitle(" PACS ") == "PACS"


@pytest.mark.parametrize("text", ["", "    ", "A\\B", "SEVENTEEN_LETTERS", "tab\there", "Ünit"])
def test_a_wrong_ae_title_is_refused(text: str) -> None:
    """Empty, too long, or with forbidden characters."""
    with pytest.raises(ValueError, match="AE title"):
        AeTitle(text)


def test_a_done_job_stays_done() -> None:
    """Nothing leads out of done."""
    for state in JobState:
        with pytest.raises(ValueError, match="can't become"):
            check_transition(JobState.DONE, state)


def test_every_state_has_its_row() -> None:
    """The table of transitions speaks of each state."""
    assert set(TRANSITIONS) == set(JobState)


def test_every_reason_has_its_sentence() -> None:
    """Each reason not to classify can be put into a report."""
    assert all(reason.sentence.endswith(".") for reason in Unsuitable)
