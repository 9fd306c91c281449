"""The pages of the readable report: what they say, and that they say it the same way each time."""

from __future__ import annotations

import base64
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.delivery import Dispatch, ResultObject
from domain.film import FilmHeader, Unsuitable, View
from domain.findings import DISCLAIMER, Findings, Probabilities, Verdict
from domain.knowledge import HEADINGS
from models.pages import PageSetter
from models.wording import wording
from tests.fakes import MODEL, stored_film

LATERAL, FRONTAL = stored_film(1), stored_film(2)
SCORES = {
    Verdict.POSITIVE: Probabilities(covid19=0.83, normal=0.1, pneumonia=0.07),
    Verdict.NEGATIVE: Probabilities(covid19=0.02, normal=0.95, pneumonia=0.03),
    Verdict.UNDETERMINED: Probabilities(covid19=0.55, normal=0.2, pneumonia=0.25),  # named from 0.6 on
}
HEADLINES = {
    Verdict.POSITIVE: "Positive: the network names COVID-19.",
    Verdict.NEGATIVE: "Negative: the network names the film normal",
    Verdict.UNDETERMINED: "Undetermined: no class is certain enough to be named.",
    Verdict.COULD_NOT_PROCESS: "Not classified. The film is not a frontal (PA or AP) view.",
}


def dispatch(verdict: Verdict = Verdict.POSITIVE) -> Dispatch:
    """Return a result of two films, the first of them a lateral one."""
    scores = SCORES.get(verdict)
    why = None if scores else Unsuitable.NOT_FRONTAL
    findings = Findings(
        model=MODEL,
        films=(LATERAL, FRONTAL),
        analysed=FRONTAL if scores else None,
        probabilities=scores,
        unsuitable=why,
    )
    return Dispatch(
        peer="pacs",
        object=ResultObject.DOCUMENT,
        findings=findings,
        made_at=datetime(2026, 1, 2, 10, tzinfo=UTC),
        seen={
            LATERAL.sop_instance_uid: FilmHeader(view=View.LATERAL, unsuitable=Unsuitable.NOT_FRONTAL),
            FRONTAL.sop_instance_uid: FilmHeader(view=View.PA),
        },
    )


def words(pages: bytes) -> str:
    """Return what stands on the pages, line after line."""
    found = []
    for stream in re.findall(rb"/ASCII85Decode /FlateDecode.*?stream\r?\n(.*?)~>", pages, re.DOTALL):
        content = zlib.decompress(base64.a85decode(stream.strip())).decode("latin-1")
        found += re.findall(r"\(((?:[^()\\]|\\.)*)\) Tj", content)
    return re.sub(r"\\(.)", r"\1", " ".join(found))


@pytest.mark.parametrize("verdict", Verdict)
def test_the_answer_and_the_notice_stand_on_the_pages(verdict: Verdict) -> None:
    """In words, whatever became of the study."""
    text = words(PageSetter().pages(dispatch(verdict)))
    assert HEADLINES[verdict] in text
    assert text.count("NOT FOR DIAGNOSTIC USE") >= 3  # in the box, and on every sheet
    assert DISCLAIMER in text
    assert "See the header of this document" in text


@pytest.mark.parametrize("verdict", Verdict)
def test_the_same_result_makes_the_same_bytes(verdict: Verdict) -> None:
    """A lost acknowledgement doubles nothing, and the file is as old as the result."""
    pages = PageSetter().pages(dispatch(verdict))
    assert pages == PageSetter().pages(dispatch(verdict))
    assert b"D:20260102100000Z" in pages


def test_results_for_several_peers_can_be_set_at_once() -> None:
    """Each lane has a thread of its own; none writes into another's pages."""
    all_of_them = [dispatch(verdict) for verdict in Verdict] * 8
    with ThreadPoolExecutor(8) as threads:
        at_once = list(threads.map(PageSetter().pages, all_of_them))
    assert at_once == [PageSetter().pages(one) for one in all_of_them]


def test_the_pages_show_each_output_with_its_threshold_and_the_network() -> None:
    """Down to the weights."""
    text = words(PageSetter().pages(dispatch()))
    for expected in ("83.0 %", "10.0 %", "7.0 %", "60.0 %", "50.0 %", MODEL.name, MODEL.version, MODEL.sha256):
        assert expected in text
    assert "2026-01-02 10:00 UTC" in text


def test_the_pages_hold_no_identifier_of_the_study() -> None:
    """Whoever is meant stands in the header; what the peer is called is nobody's business."""
    text = words(PageSetter().pages(dispatch()))
    assert [one for one in (LATERAL.study_uid, FRONTAL.sop_instance_uid, FRONTAL.digest, "pacs") if one in text] == []


@pytest.mark.parametrize("verdict", Verdict)
def test_the_pages_explain_the_result(verdict: Verdict) -> None:
    """Symptoms, causes, treatment, prevention: the text of the repository that belongs to the result."""
    text = words(PageSetter().pages(dispatch(verdict)))
    about = wording(dispatch(verdict)).text
    assert f"About this result: {about.title}" in text
    assert [heading for heading in HEADINGS.values() if heading not in text] == []


def test_each_film_has_its_view_and_its_reason() -> None:
    """Which one was analysed, and why the other was not."""
    lines = [(one.view, one.use, one.is_analysed) for one in wording(dispatch()).films]
    assert lines == [
        ("lateral", "Not analysed. The film is not a frontal (PA or AP) view.", False),
        ("PA (frontal)", "Analysed: the result rests on this film.", True),
    ]


def test_a_film_of_which_nothing_was_recorded_is_listed() -> None:
    """Results from before views were stored can be sent as well."""
    lines = [(one.view, one.use) for one in wording(replace(dispatch(), seen={})).films]
    assert lines[0] == ("not recorded", "Not analysed. One film of a study is, and another was chosen.")
    nothing = wording(replace(dispatch(Verdict.COULD_NOT_PROCESS), seen={})).films
    assert [one.use for one in nothing] == ["Not analysed.", "Not analysed."]


def test_a_result_that_takes_the_place_of_another_says_so() -> None:
    """The reader may have the first one on the screen."""
    first, second = dispatch(Verdict.NEGATIVE), dispatch()
    text = words(PageSetter().pages(replace(second, predecessor=first.findings)))
    assert "an earlier result of this study" in text
    assert "an earlier result of this study" not in words(PageSetter().pages(second))


def test_a_study_of_many_films_takes_more_sheets() -> None:
    """None is lost."""
    films = tuple(stored_film(number) for number in range(1, 60))
    many = replace(dispatch(), findings=replace(dispatch().findings, films=films))
    text = words(PageSetter().pages(many))
    assert "59 of 59" in text
    assert "Page 1 of 5" in text
