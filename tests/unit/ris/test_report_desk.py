"""What is done with each message, and how it is acknowledged."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assessment import Assessor, ClassTerms, Filing, ReportMessage
from domain.errors import HilumError, Transient
from domain.findings import Label
from domain.report_phrases import Statement
from ris.report_desk import ReportDesk
from tests.fakes import RecordedEvents
from tests.report_sender import SECRET_ID, report

ASSESSOR = Assessor(terms={Label.PNEUMONIA: ClassTerms(keywords=("pneumonia",))})


@dataclass
class FakeAssessments:
    """Keeps what it is given, or fails."""

    error: Exception | None = None
    filing: Filing = field(default_factory=lambda: Filing(filed=1))
    kept: list[ReportMessage] = field(default_factory=list)

    def file(self, message: ReportMessage) -> Filing:
        """Keep a message."""
        if self.error is not None:
            raise self.error
        self.kept.append(message)
        return self.filing


@dataclass
class Desk:
    """A desk with all that it touches."""

    assessments: FakeAssessments = field(default_factory=FakeAssessments)
    events: RecordedEvents = field(default_factory=RecordedEvents)

    def answer(self, message: bytes) -> list[str]:
        """Return the segments of the acknowledgement."""
        desk = ReportDesk(assessor=ASSESSOR, assessments=self.assessments, events=self.events)
        return desk.answer(message).decode().split("\r")

    def code(self, message: bytes) -> str:
        return self.answer(message)[1].split("|")[1]


def test_a_report_that_was_kept_is_accepted() -> None:
    """The acknowledgement is of this message, goes back to its sender, and speaks the sender's version."""
    desk = Desk()
    header, msa, _ = desk.answer(report("No pneumonia.", control="M77"))
    assert msa == "MSA|AA|M77"
    assert header.split("|")[2:6] == ["HILUM", "", "RIS", "HOSP"]
    assert header.split("|")[8:] == ["ACK^R01", header.split("|")[9], "P", "2.3.1", "", "", "", "", "", "UNICODE UTF-8"]
    (kept,) = desk.assessments.kept
    assert (kept.sender, kept.control_id) == ("RIS|HOSP", "M77")
    assert kept.reports[0].assessment.statements[Label.PNEUMONIA] is Statement.ABSENT


@pytest.mark.parametrize("error", [Transient("the database is away"), RuntimeError("SECRET-7"), HilumError("no")])
def test_a_report_that_could_not_be_kept_is_not_accepted(error: Exception) -> None:
    """AE, so that the sender tries again; of what nobody foresaw the log has the kind only."""
    desk = Desk(FakeAssessments(error))
    assert desk.code(report("Pneumonia.")) == "AE"
    assert [name for _, name, _ in desk.events.told] == ["report-not-filed"]
    assert "SECRET" not in str(desk.events.told)


@pytest.mark.parametrize("status", ["P", "R", "S", "X", ""])
def test_a_report_that_is_not_final_is_accepted_and_forgotten(status: str) -> None:
    """The sender can do nothing about it."""
    desk = Desk()
    assert desk.code(report("Pneumonia.", status=status)) == "AA"
    assert desk.assessments.kept == []


@pytest.mark.parametrize("mode", ["T", "D"])
def test_a_message_for_training_is_accepted_and_forgotten(mode: str) -> None:
    """MSH-11: whoever tries the interface must not change the figures."""
    desk = Desk()
    assert desk.code(report("Pneumonia.").replace(b"|P|2.3.1", f"|{mode}|2.3.1".encode())) == "AA"
    assert desk.assessments.kept == []


@pytest.mark.parametrize(
    "message",
    [
        report("x").replace(b"ORU^R01", b"ADT^A01"),
        report("x").replace(b"ORU^R01", b"ORM^O01"),
        report("x", control=""),
        report("x").replace(b"UNICODE UTF-8", b"GB 99999"),
        b"\xff\xfe\x0b\x00",
        b"",
        b"MSH|^~\\&",
        b"MSH|^~\\&|\rOBX|\rOBR|||",
    ],
)
def test_what_is_no_report_is_rejected(message: bytes) -> None:
    """AR, and the desk lives on."""
    desk = Desk()
    assert desk.code(message) == "AR"
    assert desk.assessments.kept == []
    assert desk.code(report("Pneumonia.")) == "AA"


def test_segments_that_make_no_sense_do_no_harm() -> None:
    """A final report with garbage in every other segment is read as far as it can be."""
    desk = Desk()
    noise = b"OBX\rOBX|||||\rOBX|9|CE|||||||\rZZZ|\\|^^^~~\rNTE|1|\xff\rPID\rORC\r"
    assert desk.code(report("Pneumonia.") + noise) == "AA"
    assert desk.assessments.kept[0].reports[0].assessment.statements[Label.PNEUMONIA] is Statement.PRESENT


def test_the_same_content_has_the_same_digest_whenever_it_is_sent() -> None:
    """The header has the time of each try, and another content under one control id is another message."""
    desk = Desk()
    for message in (report("a", at="20260105"), report("b"), report("a").replace(b"||2026", b"||2027", 1), report("a")):
        desk.code(message)
    _, other, later, again = [kept.digest for kept in desk.assessments.kept]
    assert later == again
    assert other != again


def test_a_report_of_no_study_is_accepted_and_told() -> None:
    """In the log stands how many, and nothing of the patient."""
    desk = Desk(FakeAssessments(filing=Filing(unknown=1)))
    assert desk.code(report("Pneumonia.", patient=SECRET_ID)) == "AA"
    assert ("warning", "report-unmatched", {"count": 1, "reason": "the study is not here"}) in desk.events.told
    assert SECRET_ID not in str(desk.events.told)


def test_an_acknowledgement_can_not_be_split_by_what_the_sender_wrote() -> None:
    """Separators in MSH-10 are escaped."""
    header = "MSH|#~\\&|RIS|H#1|HILUM||2026||ORU#R01|A^B|P|2.5"
    (_, msa, _) = Desk().answer(report("x", header=header).replace(b"^", b"#", 0))
    assert msa.startswith("MSA|A")
    assert msa.count("|") == 2


GOOD = report("No \\T\\ pneumonia.", "OBX|1|CE|X|1|J18.9^P^I10||||||F", study="1.2.3")
PIECES = st.sampled_from(
    [b"", b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"MSH", b"OBX|", b"\xff", b"\x00", b"F", b"\xc3\xa4"]
)


@given(st.sampled_from([b"", b"MSH|", b"MSH|^~\\&|"]), st.binary(max_size=200))
def test_any_bytes_are_answered(start: bytes, rest: bytes) -> None:
    """With a rejection, whatever they are."""
    assert Desk().code(start + rest) == "AR"


@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), PIECES), max_size=6))
def test_a_spoilt_message_is_answered(changes: list[tuple[int, int, bytes]]) -> None:
    """Bytes lost, added and changed anywhere: accepted or rejected, and what was accepted was read as a report."""
    message, desk = GOOD, Desk()
    for start, length, piece in changes:
        message = message[:start] + piece + message[start + length :]
    assert desk.code(message) in {"AA", "AR"}
    assert "report-not-filed" not in desk.events.names()
