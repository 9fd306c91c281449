"""The threat model: STRIDE by flow of data, what the code does about it, and what is left."""

from __future__ import annotations

import tomllib
from importlib.resources import files as resources
from typing import TYPE_CHECKING

from domain.paper import Listing, Paper, Section, Table, Text
from hilum.papers.cover import cover
from hilum.papers.flows import FlowKind, connections

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from hilum.settings import Settings

TITLE = "Threat model"
_NAMES = {
    FlowKind.FILMS: "Films that come in",
    FlowKind.WEB: "Pages and DICOMweb",
    FlowKind.FINAL_REPORTS: "Final reports that come in",
    FlowKind.RESULTS: "Results that go out",
    FlowKind.COMMITMENT: "Storage commitment",
    FlowKind.QUERY: "Query and retrieve",
    FlowKind.MESSAGES: "Messages to a RIS",
    FlowKind.DATABASE: "Database",
    FlowKind.STORE: "Store of films",
    FlowKind.SINGLE_SIGN_ON: "Single sign-on",
    FlowKind.AUDIT: "Audit messages",
    FlowKind.ALARM: "Alarms",
    FlowKind.METRICS: "Figures for Prometheus",
    FlowKind.TRACES: "Traces",
    "models": "Networks and libraries",
    "machine": "The machine",
}


def model(settings: Settings, made_on: date | None) -> Paper:
    """Return the threat model."""
    return Paper(
        title=TITLE,
        about="What could be done to Hilum and the data in it, flow by flow, what is in the way, and what is left.",
        cover=cover(settings, made_on),
        sections=[
            Section(
                title="Scope",
                blocks=[
                    Text(
                        text="Trusted: the operating system, its administrators, the hospital's authorities of "
                        "certificates, the identity provider. Not trusted: whoever reaches a port, the content of "
                        "films and messages, files that are uploaded. Wrong classifications are no threat in this "
                        "sense; the risk notes speak of them."
                    ),
                    Text(
                        text="STRIDE: spoofing, tampering, repudiation, information disclosure, denial of service, "
                        "elevation of privilege."
                    ),
                ],
            ),
            _open_ways(settings),
            Section(title="Threats", sections=list(_flows())),
        ],
    )


def _open_ways(settings: Settings) -> Section:
    """Say which connections of these settings anybody on the network can read."""
    found = [one for one in connections(settings) if not one.is_encrypted]
    points = [f"{one.protocol}, {one.party}, {one.place}: {one.data}" for one in found]
    return Section(
        title="What these settings leave without encryption",
        blocks=[Listing(points=points) if points else Text(text="Nothing.")],
    )


def threats() -> list[dict[str, str]]:
    """Return every threat, as `threats.toml` has it."""
    content = resources("hilum.papers").joinpath("threats.toml").read_text(encoding="utf-8")
    found: list[dict[str, str]] = tomllib.loads(content)["threats"]
    return found


def _flows() -> Iterator[Section]:
    every = threats()
    for flow, name in _NAMES.items():
        rows = [
            (one["stride"], one["threat"], one["mitigation"], one["residual"]) for one in every if one["flow"] == flow
        ]
        yield Section(
            title=name, blocks=[Table(columns=("STRIDE", "Threat", "What is in the way", "What is left"), rows=rows)]
        )
