"""The sheet for those who run the network: ports, connections, and what goes over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.paper import Diagram, Flow, Paper, Section, Table, Text
from hilum.papers.cover import cover
from hilum.papers.flows import Connection, connections

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from hilum.settings import Settings

TITLE = "Ports and data flows"
_COLUMNS = ("With", "Address", "Protocol", "Encryption", "Authentication", "Data")
_CENTRE = "Hilum"


def sheet(settings: Settings, made_on: date | None) -> Paper:
    """Return the sheet."""
    found = connections(settings)
    telemetry = "" if settings.traces.endpoint else ", no telemetry"
    come, go = [one for one in found if one.comes_in], [one for one in found if not one.comes_in]
    bare = [one for one in found if not one.is_encrypted]
    return Paper(
        title=TITLE,
        about="Each port that this installation listens on and each connection that it makes, by its settings.",
        cover=cover(settings, made_on),
        sections=[
            Section(title="Diagram", blocks=[Diagram(centre=_CENTRE, flows=list(dict.fromkeys(map(_flow, found))))]),
            Section(title="Connections that come in", blocks=[_table(come)]),
            Section(
                title="Connections that go out",
                blocks=[
                    _table(go),
                    Text(
                        text="A person may besides run `hilum echo`, `hilum peers test` and `hilum fetch` with any "
                        "DICOM peer of the settings. Names are resolved by the operating system, which also keeps the "
                        f"clock. Nothing else is called: there are no updates, no downloads{telemetry}."
                    ),
                ],
            ),
            Section(title="What is not encrypted", blocks=[_table(bare) if bare else Text(text="Nothing.")]),
        ],
    )


def _flow(one: Connection) -> Flow:
    source, target = (one.party, _CENTRE) if one.comes_in else (_CENTRE, one.party)
    label = f"{one.protocol.partition(': ')[0]}, {one.place}".replace("`", "")
    return Flow(source=source, target=target, label=label, is_encrypted=one.is_encrypted)


def _table(found: Sequence[Connection]) -> Table:
    rows = [(one.party, one.place, one.protocol, one.encryption, one.authentication, one.data) for one in found]
    return Table(columns=_COLUMNS, rows=rows)
