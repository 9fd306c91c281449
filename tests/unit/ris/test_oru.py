"""The message: what it says, that another parser reads it, and that nothing in it can end a field."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hl7apy.parser import parse_message
from hypothesis import given
from hypothesis import strategies as st

from domain.delivery import Dispatch, ResultObject
from domain.film import Unsuitable
from domain.findings import DISCLAIMER, Findings, Probabilities
from domain.subject import Subject
from ris.oru import Parties, build_oru
from tests.fakes import MODEL, stored_film

SUBJECT = Subject(
    patient_id="P1",
    issuer_of_patient_id="HOSP",
    patient_name=("Doe", "Jane", "Q", "Dr", "Jr"),
    birth_date="19700102",
    sex="F",
    study_date="20260101",
    study_time="101112.5",
    accession_number="A1",
    placer_order_number="PL1",
    filler_order_number="FL1",
    procedure_code=("36643-5", "XR Chest 2 Views", "LN"),
)
PARTIES = Parties(
    sending_application="HILUM", sending_facility="AI", receiving_application="RIS", receiving_facility="HOSP"
)


def findings(**scores: float) -> Findings:
    found = Probabilities(**{"covid19": 0.1, "normal": 0.1, "pneumonia": 0.8, **scores})
    return Findings(model=MODEL, films=(stored_film(),), analysed=stored_film(), probabilities=found)


DISPATCH = Dispatch(
    peer="ris", object=ResultObject.MESSAGE, findings=findings(), made_at=datetime(2026, 1, 2, 10, tzinfo=UTC)
)


def built(dispatch: Dispatch = DISPATCH, subject: Subject = SUBJECT) -> bytes:
    return build_oru(dispatch, subject, parties=PARTIES, device_uid="2.25.5")


def fields(message: bytes, segment: str) -> list[list[str]]:
    """Return the fields of each segment of a kind, the name first."""
    lines = message.decode().split("\r")
    return [line.split("|") for line in lines if line.startswith(segment)]


def test_the_whole_message_is_as_expected() -> None:
    """Every segment and field, for a positive result."""
    comment = "Network names PNEUMONIA. Outputs: COVID19 10.0 %, NORMAL 10.0 %, PNEUMONIA 80.0 %."
    end = "|||P|||20260102100000+0000||||2.25.5|20260102100000+0000"
    assert built().decode().split("\r") == [
        (
            rf"MSH|^~\&|HILUM|AI|RIS|HOSP|20260102100000+0000||ORU^R01^ORU_R01|{DISPATCH.fingerprint}|P|2.5.1"
            "||||||UNICODE UTF-8"
        ),
        "PID|1||P1^^^HOSP||Doe^Jane^Q^Jr^Dr||19700102|F",
        "PV1||U",
        "ORC|SC|PL1|FL1||CM",
        "OBR|1|PL1|FL1|36643-5^XR Chest 2 Views^LN|||20260101101112|||||||||||A1||||20260102100000+0000||RAD|P",
        "TQ1|1||||||||A^^HL70485",
        f"OBX|1|ST|113014^DICOM Study^DCM||2.25.1|||{end}",
        (
            "OBX|2|CE|111017^CAD Processing and Findings Summary^DCM||"
            f"111242^All algorithms succeeded; with findings^DCM|||{end}"
        ),
        "OBX|3|CE|121071^Finding^DCM|1|882784691000119100^Pneumonia caused by SARS-CoV-2^SCT|||N|0.1000"
        + end.removeprefix("|"),
        f"OBX|4|CE|705057003^Presence^SCT|1|272519000^Absent^SCT|||{end}",
        f"OBX|5|NM|111012^Certainty of Finding^DCM|1|10.00|%^Percent^UCUM||{end}",
        "OBX|6|CE|121071^Finding^DCM|2|233604007^Pneumonia^SCT|||A|0.8000" + end.removeprefix("|"),
        f"OBX|7|CE|705057003^Presence^SCT|2|52101004^Present^SCT|||{end}",
        f"OBX|8|NM|111012^Certainty of Finding^DCM|2|80.00|%^Percent^UCUM||{end}",
        f"OBX|9|ST|121106^Comment^DCM||{comment}|||{end}",
        f"OBX|10|ST|121106^Comment^DCM||{DISCLAIMER}|||{end}",
        "",
    ]


@pytest.mark.parametrize(
    ("scores", "priority", "status"),
    [
        ({"covid19": 0.8, "pneumonia": 0.1}, "A", "111242"),
        ({"normal": 0.8, "pneumonia": 0.1}, "R", "111241"),
        ({"normal": 0.4, "covid19": 0.2, "pneumonia": 0.4}, "R", "111243"),
        (None, "R", "111245"),
    ],
)
def test_each_result_has_its_status_and_priority(scores: dict[str, float] | None, priority: str, status: str) -> None:
    """Only what is positive is suggested to be read sooner; nothing is suggested to be read later."""
    found = Findings(model=MODEL, films=(stored_film(),), unsuitable=Unsuitable.NOT_FRONTAL)
    message = built(replace(DISPATCH, findings=found if scores is None else findings(**scores)))
    assert fields(message, "TQ1")[0][9].split("^")[0] == priority
    assert fields(message, "OBX")[1][5].split("^")[0] == status


def test_what_could_not_be_processed_has_no_number() -> None:
    """Neither a probability nor a certainty: not a zero."""
    found = Findings(model=MODEL, films=(stored_film(),), unsuitable=Unsuitable.NOT_FRONTAL)
    observations = fields(built(replace(DISPATCH, findings=found)), "OBX")
    assert [one[3].split("^")[0] for one in observations if one[2] == "NM" or one[9]] == []
    assert {one[5].split("^")[1] for one in observations if one[3].startswith("705057003")} == {"Undetermined"}


def test_another_parser_takes_it_for_a_valid_message() -> None:
    """Segments in their groups, types in their fields."""
    assert parse_message(built().decode()).validate()


def test_what_the_films_do_not_say_stays_empty() -> None:
    """A patient without a name is still one."""
    message = built(subject=Subject())
    assert parse_message(message.decode()).validate()
    assert fields(message, "OBR")[0][4] == "XR^Radiography^L"


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


def parts(text: str) -> Any:  # noqa: ANN401 - what may come back
    return " ".join("".join(" " if ord(one) < 32 or ord(one) == 127 else one for one in text).split())


@given(TEXTS, TEXTS, TEXTS)
def test_no_value_ends_its_field(patient: str, family: str, accession: str) -> None:
    """Whatever is in a header: separators are escaped, control characters are gone, and the message stays one."""
    subject = replace(SUBJECT, patient_id=patient, patient_name=(family, "Jane"), accession_number=accession)
    message = built(subject=subject)
    kinds = [line[:3] for line in message.decode().split("\r")]
    assert kinds == ["MSH", "PID", "PV1", "ORC", "OBR", "TQ1", *["OBX"] * 10, ""]
    (pid,), (obr,) = fields(message, "PID"), fields(message, "OBR")
    assert (pid[8], obr[24], pid[3].split("^")[3]) == ("F", "RAD", "HOSP")
    assert parts(unescaped(pid[3].split("^")[0])) == parts(patient)
    assert parts(unescaped(pid[5].split("^")[0])) == parts(family)
    assert parts(unescaped(obr[18])) == parts(accession)


def unescaped(text: str) -> str:
    """Undo the escapes of HL7 v2.5.1, 2.7.1."""
    for escape, one in ((r"\F\ "[:3], "|"), (r"\S\ "[:3], "^"), (r"\T\ "[:3], "&"), (r"\R\ "[:3], "~")):
        text = text.replace(escape, one)
    return text.replace("\\E\\", "\\")
