"""Final reports, read from messages of several versions and habits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.assessment import FinalReport, StatedCode
from domain.report_phrases import Statement
from ris.envelope import Unreadable, read_envelope
from ris.final_report import final_reports
from tests.report_sender import report


def read(message: bytes) -> tuple[FinalReport, ...]:
    return final_reports(read_envelope(message))


def one(message: bytes) -> FinalReport:
    (found,) = read(message)
    return found


def with_header(charset: str, text: bytes) -> bytes:
    head = f"MSH|^~\\&|RIS|HOSP|HILUM||20260105||ORU^R01|M1|P|2.5.1||||||{charset}".encode()
    return head + b"\rPID|1||P1\rOBR|1||A1||||||||||||||||||||||F\rOBX|1|TX|R||" + text + b"\r"


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1"])
def test_a_final_report_is_read_in_every_version(version: str) -> None:
    """Study, numbers, patient, time and text are at the same place in all."""
    found = one(report("No pneumonia.", study="1.2.3").replace(b"2.3.1", version.encode()))
    assert (found.study.study_uid, found.study.accession_numbers, found.study.patient_ids) == (
        "1.2.3",
        ("A1",),
        ("P1",),
    )
    assert (found.text, found.reported_at) == ("No pneumonia.", datetime(2026, 1, 5, 10, 15, tzinfo=UTC))
    assert not found.is_correction


@pytest.mark.parametrize(("status", "count"), [("F", 1), ("C", 1), ("P", 0), ("R", 0), ("X", 0), ("", 0)])
def test_only_final_and_corrected_reports_count(status: str, count: int) -> None:
    """OBR-25."""
    assert len(read(report("Pneumonia.", status=status))) == count


@pytest.mark.parametrize(
    ("charset", "text", "expected"),
    [
        ("UNICODE UTF-8", "Überblähung".encode(), "Überblähung"),
        ("8859/1", "Überblähung".encode("latin-1"), "Überblähung"),
        ("8859/15", "Überblähung €".encode("iso8859-15"), "Überblähung €"),
        ("ASCII", b"Clear lungs", "Clear lungs"),
        ("", "Überblähung".encode(), "Überblähung"),
        ("", "Überblähung".encode("latin-1"), "Überblähung"),
    ],
)
def test_characters_are_those_of_the_header(charset: str, text: bytes, expected: str) -> None:
    """MSH-18; without it UTF-8 where it is that."""
    assert one(with_header(charset, text)).text == expected


def test_an_unknown_character_set_is_refused() -> None:
    """A report that can't be read must not be taken for one that says nothing."""
    with pytest.raises(Unreadable, match="character set"):
        read(with_header("GB 99999", b"x"))


def test_escapes_become_what_they_stand_for() -> None:
    r"""`\.br\` breaks the line, `\T\` is an ampersand, highlighting is dropped."""
    found = one(report(r"First\.br\Second \T\ third \H\bold\N\ a\E\b~again"))
    assert found.text == "First\nSecond & third bold a\\b\nagain"


def test_the_impression_is_taken_where_it_is_marked() -> None:
    """By HL7's suffix, by LOINC, or by its name; the findings are then left out."""
    for mark in ("71020&IMP^Chest", "19005-8^Impression^LN", "X^Beurteilung"):
        found = one(report("OBX|1|TX|71020&GDT||Pneumonia?||||||F", f"OBX|2|TX|{mark}||None.||||||F"))
        assert found.text == "None."


def test_codes_come_with_what_the_report_says_of_them() -> None:
    """By the presence in the same group, by the answer to a coded question, or else present."""
    found = one(
        report(
            "OBX|1|CE|121071^Finding^DCM|1|233604007^Pneumonia^SCT||||||F",
            "OBX|2|CE|705057003^Presence^SCT|1|272519000^Absent^SCT||||||F",
            "OBX|3|CWE|840539006^COVID-19^SCT||N^No^HL70136||||||F",
            "OBX|4|CE|DX^Diagnosis^L||J18.9^Pneumonia^I10~J90^Effusion^I10||||||F",
        )
    )
    assert found.codes == (
        StatedCode(scheme="SCT", value="233604007", statement=Statement.ABSENT),
        StatedCode(scheme="SCT", value="705057003", statement=Statement.ABSENT),
        StatedCode(scheme="SCT", value="840539006", statement=Statement.ABSENT),
        StatedCode(scheme="I10", value="J18.9"),
        StatedCode(scheme="I10", value="J90"),
    )


def test_the_study_may_be_named_in_a_segment_of_its_own() -> None:
    """ZDS-1 of the imaging profile, or IPC-3; an observation comes first."""
    assert one(report("x") + b"ZDS|1.2.9^RIS^Application^DICOM\r").study.study_uid == "1.2.9"
    assert one(report("x") + b"IPC|1|2|1.2.8|4\r").study.study_uid == "1.2.8"
    assert one(report("x", study="1.2.3") + b"ZDS|1.2.9\r").study.study_uid == "1.2.3"
    assert one(report("x") + b"ZDS|no uid\r").study.study_uid == ""


def test_the_accession_number_is_looked_for_in_three_places() -> None:
    """OBR-18 first, then the filler order number of OBR-3, then that of ORC-3."""
    message = (
        b"MSH|^~\\&|RIS|||||ORU^R01||M1|P|2.5\rPID|1||7^^^A~8^^^B\rORC|RE||F2^RIS\r"
        b"OBR|1||F1^RIS|X||||||||||||||A9|||||||F\rOBX|1|TX|R||Clear.||||||F\r"
    )
    found = one(message)
    assert found.study.accession_numbers == ("A9", "F1", "F2")
    assert found.study.patient_ids == ("7", "8")


def test_a_message_may_hold_several_reports() -> None:
    """One for each OBR, each with its own status; a study named once for all is no one's."""
    second = b"OBR|2||A2|||||||||||||||A2|||||||F\rOBX|1|TX|R||Second||||||F\r"
    third = b"OBR|3||A3|||||||||||||||A3|||||||P\rOBX|1|TX|R||Third||||||F\rZDS|1.2.3\r"
    found = read(report("First") + second + third)
    assert [(one.text, one.study.accession_numbers, one.study.study_uid) for one in found] == [
        ("First", ("A1",), ""),
        ("Second", ("A2",), ""),
    ]


def test_an_order_without_a_report_of_its_own_is_left_out() -> None:
    """Two orders of one study, and the text under the first: the second must not replace it by nothing."""
    second = b"OBR|2||A1|||||||||||||||A1|||||||F\rOBX|1|TX|R||  ||||||F\r"
    assert [one.text for one in read(report("Pneumonia.") + second)] == ["Pneumonia."]


def test_withdrawn_observations_and_documents_are_left_out() -> None:
    """OBX-11 D and W; a PDF of megabytes is not even parsed."""
    pdf = "OBX|3|ED|PDF||^AP^PDF^Base64^" + "A" * 3_000_000 + "||||||F"
    found = one(report("OBX|1|TX|R||Pneumonia||||||D", "OBX|2|TX|R||Wrong||||||W", pdf, "Clear."))
    assert found.text == "Clear."


def test_lines_that_begin_no_segment_belong_to_the_one_before() -> None:
    """Some senders break their text with real line breaks, and end segments with them."""
    found = one(report("No evidence of\npneumonia.\nNone").replace(b"\r", b"\r\n"))
    assert found.text == "No evidence of\npneumonia.\nNone"


def test_other_separators_are_those_that_the_header_declares() -> None:
    """MSH-1 and MSH-2."""
    message = report("No pneumonia", study="1.2.3").translate(bytes.maketrans(b"|^~&", b"#*!%"))
    found = one(message)
    assert (found.text, found.study.study_uid, found.study.patient_ids) == ("No pneumonia", "1.2.3", ("P1",))


@pytest.mark.parametrize("at", ["", "2026", "20261399", "garbage", "99999999999999"])
def test_a_time_that_is_none_is_left_out(at: str) -> None:
    """The database's clock says then when the report came."""
    assert one(report("x", at=at)).reported_at is None


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff\xfe\x00", b"GET / HTTP/1.1", b"MSH", b"MSH|||||||", b"MSH|AAAA|RIS", b"PID|1||7"]
)
def test_what_is_no_message_is_refused(garbage: bytes) -> None:
    """In words of our own."""
    with pytest.raises(Unreadable):
        read_envelope(garbage)


def test_a_report_never_shows_what_it_holds() -> None:
    """Whoever prints or logs it by mistake."""
    found = one(report("Pneumonia of Jane Doe", patient="SECRET-7"))
    assert "Jane" not in repr(found)
    assert "SECRET" not in repr(found.study)
    assert "SECRET" not in repr(read_envelope(report("x", patient="SECRET-7")))
