"""What messages say, for the interface specification: read off a message that is built, and off what reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hl7apy.parser import parse_message

from domain.errors import Doubtful, Permanent
from domain.paper import Example, Table
from domain.subject import Subject
from ris.acknowledgement import Code, judge
from ris.envelope import SPOKEN
from ris.final_report import CODE_TYPES, CORRECTED, FINAL, IMPRESSIONS, NOT_TO_BE_USED, RESULT, TEXT_TYPES
from ris.listener import LONGEST_MESSAGE_BYTES, MOST_CONNECTIONS
from ris.oru import Parties, build_oru

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.delivery import Dispatch

_SPECIMEN = Subject(
    patient_id="SPECIMEN",
    issuer_of_patient_id="ISSUER",
    patient_name=("Specimen", "Patient"),
    birth_date="19000101",
    sex="O",
    study_date="20260102",
    study_time="093000",
    accession_number="ACCESSION",
    placer_order_number="PLACER",
    filler_order_number="FILLER",
    procedure_code=("XR", "Radiography", "L"),
)
_ID = "SPECIMEN"


def sent_message(dispatch: Dispatch, parties: Parties) -> bytes:
    """Return a message about an invented patient, as a RIS would get it."""
    return build_oru(dispatch, _SPECIMEN, parties=parties, device_uid="2.25.1")


def example(message: bytes) -> Example:
    """Return a message, a segment a line."""
    return Example(text=message.decode().replace("\r", "\n").strip())


def sent_fields(message: bytes) -> Table:
    """Return the fields that a message fills, each place once."""
    rows: dict[str, tuple[str, str, str, str]] = {}
    for row in _fields(message):
        rows.setdefault(row[0], row)
    segments = list(dict.fromkeys(place.partition("-")[0] for place in rows))

    def order(place: str) -> tuple[int, int]:
        segment, _, number = place.partition("-")
        return segments.index(segment), int(number)

    return Table(columns=("Field", "Name", "Type", "Example"), rows=[rows[place] for place in sorted(rows, key=order)])


def _fields(message: bytes) -> Iterator[tuple[str, str, str, str]]:
    parsed = parse_message(message.decode(), find_groups=False)
    for segment in parsed.children:
        for field in segment.children:
            name, value = str(field.name).replace("_", "-"), str(field.to_er7())
            if value:
                words = str(field.long_name or "").replace("_", " ").capitalize()
                yield name, words, str(field.datatype or ""), f"`{value}`"


def acknowledgements() -> Table:
    """Return what is done at each acknowledgement of a message of ours, as the sender would decide."""
    return Table(
        columns=("MSA-1", "Name", "What is done"),
        rows=[(code.value, code.name.replace("_", " ").capitalize(), _consequence(code)) for code in Code],
    )


def _consequence(code: Code) -> str:
    reply = f"MSH|^~\\&|RIS||HILUM||20260102||ACK^R01|1|P|2.5.1\rMSA|{code}|{_ID}\r".encode()
    try:
        judge(reply, _ID)
    except Permanent:
        return "The job is held for a person."
    except Doubtful:
        return "It is sent again some times, then the job is held for a person."
    return "The message is delivered."


def received() -> Table:
    """Return what is taken of messages that come in."""
    return Table(
        columns=("What", "Taken"),
        rows=[
            ("Message (MSH-9)", f"`{RESULT}`; anything else is answered AR"),
            ("Versions that are answered in kind (MSH-12)", f"`{SPOKEN.pattern}`; others in 2.5.1"),
            ("Reports (OBR-25)", f"`{FINAL}` final, `{CORRECTED}` corrected; others are accepted and left out"),
            ("Text (OBX-2)", _listed(TEXT_TYPES)),
            ("Codes (OBX-2)", _listed(CODE_TYPES)),
            ("Observations left out (OBX-11)", _listed(NOT_TO_BE_USED)),
            ("Observations that are the impression (OBX-3)", ", ".join(f"`{one}`" for one in IMPRESSIONS)),
            ("Longest message", f"{LONGEST_MESSAGE_BYTES} bytes"),
            ("Connections at the same time", str(MOST_CONNECTIONS)),
        ],
    )


def _listed(values: frozenset[str]) -> str:
    return ", ".join(f"`{one}`" for one in sorted(values))


def answers() -> Table:
    """Return the acknowledgements that are given to messages that come in (HL7 v2.5.1, 2.9.2), in original mode."""
    return Table(
        columns=("MSA-1", "When"),
        rows=[
            (
                Code.APPLICATION_ACCEPT.value,
                "It is committed; or it is not final, came before, or is of no study here.",
            ),
            (Code.APPLICATION_ERROR.value, "The database is away, or something failed: send it again."),
            (Code.APPLICATION_REJECT.value, "No message, another kind, no MSH-10, an unknown character set, too long."),
        ],
    )
