"""The IHE integration statement: what of which profile the code does, and why nothing is claimed."""

from __future__ import annotations

import tomllib
from importlib.resources import files as resources
from typing import TYPE_CHECKING

from domain.paper import Paper, Section, Table, Text
from hilum.papers.cover import cover

if TYPE_CHECKING:
    from datetime import date

    from hilum.settings import Settings

TITLE = "IHE integration statement"


def statement(settings: Settings, made_on: date | None) -> Paper:
    """Return the statement."""
    content = resources("hilum.papers").joinpath("ihe.toml").read_text(encoding="utf-8")
    profiles = tomllib.loads(content)["profiles"]
    return Paper(
        title=TITLE,
        about="No IHE actor is claimed: Hilum has not been at a Connectathon. This says what it does all the same.",
        cover=cover(settings, made_on),
        sections=[
            Section(title="Actors that are claimed", blocks=[Text(text="None.")]),
            Section(
                title="Transactions that the program speaks, and why the actor is not claimed",
                blocks=[
                    Text(
                        text="They are tested by the project itself, with dcmtk, Orthanc and pynetdicom as partners. "
                        "What is sent to whom is for the settings to say; see the conformance statement and the sheet "
                        "of data flows."
                    ),
                    Table(
                        columns=("Profile", "Actor", "Transactions", "Not claimed, because"),
                        rows=[(one["name"], one["actor"], one["does"], one["lacks"]) for one in profiles],
                    ),
                ],
            ),
            Section(
                title="Related documents",
                blocks=[Text(text="`hilum conformance` makes the DICOM statement, `hilum papers` that of HL7.")],
            ),
        ],
    )
