"""The interface specification of HL7: which messages go out and come in, what is in them, how they are acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node import samples
from domain.delivery import ResultObject
from domain.paper import Paper, Section, Table, Text
from hilum.papers.cover import cover
from ris import interface
from ris.oru import Parties

if TYPE_CHECKING:
    from datetime import date

    from domain.paper import Block
    from hilum.settings import Settings

TITLE = "HL7 interface specification"


def specification(settings: Settings, made_on: date | None) -> Paper:
    """Return the specification."""
    return Paper(
        title=TITLE,
        about="What Hilum tells information systems by HL7 v2 messages, and what it takes from them.",
        cover=cover(settings, made_on),
        sections=[_transport(settings), _sent(settings), _received(settings)],
    )


def _transport(settings: Settings) -> Section:
    rows = [
        (one.name, "out", f"{one.host}:{one.port}", "TLS" if one.tls else "none", f"{one.timeout_seconds:g} s")
        for one in settings.ris_receivers
    ]
    own = settings.final_reports
    if own.port:
        secured = "TLS" if own.tls_certificate else "none"
        rows.append(("final reports", "in", f"{own.host}:{own.port}", secured, f"{own.timeout_seconds:g} s"))
    table: Block = Text(text="These settings name no RIS that is told results, and take no final reports.")
    if rows:
        table = Table(columns=("Name", "Direction", "Address", "Encryption", "Patience"), rows=rows)
    return Section(
        title="Transport",
        blocks=[
            Text(
                text="MLLP (release 1) over TCP, with TLS 1.2 or newer where it is set. Of messages that go out each "
                "has a connection of its own; the answer is an acknowledgement in original mode. Characters are UTF-8."
            ),
            table,
        ],
    )


def _sent(settings: Settings) -> Section:
    ris = settings.ris_receivers
    parties = Parties(sending_application="HILUM")
    if ris:
        parties = Parties(
            sending_application=ris[0].sending_application,
            sending_facility=ris[0].sending_facility,
            receiving_application=ris[0].receiving_application,
            receiving_facility=ris[0].receiving_facility,
        )
    message = interface.sent_message(samples.dispatch(ResultObject.MESSAGE), parties)
    return Section(
        title="Results that are told: ORU^R01",
        blocks=[
            Text(
                text="HL7 v2.5.1, structure ORU_R01. Preliminary (OBR-25 and OBX-11 are `P`): a person reports "
                "finally. MSH-10 is made of what is told to whom: each try sends the same message."
            ),
        ],
        sections=[
            Section(title="Fields", blocks=[interface.sent_fields(message)]),
            Section(title="Example, of an invented patient", blocks=[interface.example(message)]),
            Section(title="What is done at each acknowledgement", blocks=[interface.acknowledgements()]),
        ],
    )


def _received(settings: Settings) -> Section:
    is_on = "taken" if settings.final_reports.port else "not taken in these settings"
    return Section(
        title="Final reports that come in: ORU^R01",
        blocks=[
            Text(
                text=f"They are {is_on}. A report is read in memory; what is kept is which findings it names, "
                "never its text. The study is found by Study Instance UID, else by accession number and Patient ID."
            ),
            interface.received(),
        ],
        sections=[Section(title="Acknowledgements that are given", blocks=[interface.answers()])],
    )
