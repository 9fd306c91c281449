"""The settings of those around Hilum: who sends, who gets results, which study is urgent, what goes where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyNetwork, model_validator

from domain.delivery import ResultObject
from domain.findings import Verdict  # noqa: TC001 - pydantic reads it at run time
from domain.ids import AeTitle
from hilum.section import Section


def _ae_title(text: str) -> str:
    return str(AeTitle(text))


AeTitleText = Annotated[str, AfterValidator(_ae_title)]
Port = Annotated[int, Field(ge=1, le=65535)]
PeerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
PriorityName = Literal["STAT", "HIGH", "ROUTINE", "LOW"]


class Peer(Section):
    """A DICOM application that we talk to."""

    name: PeerName = Field(description="letters, digits, `-` and `_`; at most 32")
    ae_title: AeTitleText = Field(description="an AE title of 1 to 16 printable ASCII characters")
    host: str = Field(min_length=1, description="a host name or address")
    port: Port = Field(description="a TCP port from 1 to 65535")
    may_send: bool = Field(False, description="true or false: its films are taken; if not, its C-ECHO is answered")  # noqa: FBT003 - a default
    sends_from: tuple[IPvAnyNetwork, ...] = Field(
        (), description="IP addresses or networks (`10.1.0.0/16`) it may send from; empty: any"
    )
    maximum_associations: int = Field(
        0, ge=0, le=1000, description="associations it may have with us at the same time, 1 to 1000; 0: no own limit"
    )
    study_quiet_seconds: float | None = Field(
        None, ge=0, le=3600, description="`node.study_quiet_seconds` for what it sends; unset: as of the node"
    )
    association_ends_study: bool = Field(
        False,  # noqa: FBT003 - a default
        description="true or false: a study is complete when the association that brought it is released",
    )
    receives_results: bool = Field(
        False,  # noqa: FBT003 - a default
        description="true or false: gets the report of every study; finer: `[[routes]]`",
    )
    reconciled: Literal["no", "list", "fetch"] = Field(
        "no",
        description="no, list or fetch: whether it is asked once a day for films that never came here, and whether "
        "those are fetched",
    )
    reads_worklist: bool = Field(
        False,  # noqa: FBT003 - a default
        description="true or false: it may see the reading worklist, patients' names included, and claim studies (UPS)",
    )
    commits_results: bool = Field(
        False,  # noqa: FBT003 - a default
        description="true or false: it is asked to commit to keep what it accepted (storage commitment); it answers to "
        "our node",
    )


class Ris(Section):
    """A radiology information system that is told results by HL7 messages, along routes."""

    name: PeerName = Field(description="as of a peer; no peer may have the same")
    host: str = Field(min_length=1, description="a host name or address")
    port: Port = Field(description="a TCP port from 1 to 65535, where it takes messages by MLLP")
    sending_application: str = Field("HILUM", max_length=20, description="MSH-3, what it knows us by; to 20 characters")
    sending_facility: str = Field("", max_length=20, description="MSH-4; at most 20 characters")
    receiving_application: str = Field("", max_length=20, description="MSH-5; at most 20 characters")
    receiving_facility: str = Field("", max_length=20, description="MSH-6; at most 20 characters")
    tls: bool = Field(False, description="true or false: it is called by TLS, and must prove its name")  # noqa: FBT003 - a default
    tls_authorities: Path | None = Field(
        None, description="a PEM file with the authorities of its certificate; unset: those that the system trusts"
    )
    tls_certificate: Path | None = Field(None, description="a PEM file with our certificate, where it asks for one")
    tls_key: Path | None = Field(None, description="a PEM file with our private key")
    timeout_seconds: float = Field(
        30, gt=0, le=3600, description="seconds, to 3600, for the connection, and again for the acknowledgement"
    )


class PriorityOfStudies(Section):
    """A rule that says how urgent a study is; the first rule whose conditions are all met decides."""

    priority: PriorityName = Field(description="STAT, HIGH, ROUTINE or LOW")
    peer: str = Field("", description="the name of the peer that sends; empty: any")
    requested_priority: str = Field(
        "", description="Requested Procedure Priority (0040,1003) of the film, as STAT; empty: any"
    )
    location: str = Field(
        "",
        description="a pattern (`EMERGENCY*`) for Requesting Service, Current Patient Location or Institutional "
        "Department Name of the film; empty: any",
    )


class RouteOfResults(Section):
    """Which objects of which results go where; each condition that is empty is met by every study."""

    objects: tuple[ResultObject, ...] = Field(
        min_length=1,
        description="what is sent: `report` (structured report), `capture` (picture with the heat map), `presentation` "
        "(presentation state), `selection` (key object selection), `document` (PDF to read), `message` (HL7, to a "
        "`[[ris]]`)",
    )
    peers: tuple[str, ...] = Field((), description="names of the peers, or for `message` of the `[[ris]]`, that get it")
    to_sender: bool = Field(
        False,  # noqa: FBT003 - a default
        description="true or false: it also goes back to whichever peer sent a film of the study",
    )
    senders: tuple[str, ...] = Field((), description="names of peers: studies of which one of them sent a film")
    priorities: tuple[PriorityName, ...] = Field(
        (), description="STAT, HIGH, ROUTINE, LOW: studies that were so urgent"
    )
    results: tuple[Verdict, ...] = Field(
        (), description="positive, negative, undetermined, could-not-process: studies with one of these results"
    )
    instead: str = Field(
        "", description="the name of a peer that gets it as well where one of `peers` does not take it in time"
    )
    instead_after_seconds: float = Field(600, gt=0, le=604800, description="seconds, to 604800, of that time")

    @model_validator(mode="after")
    def _leads_somewhere(self) -> RouteOfResults:
        if not self.peers and not self.to_sender:
            raise ValueError("a route needs `peers`, or `to_sender = true`")
        if self.instead in self.peers:
            raise ValueError("`instead` is one of `peers` already")
        return self


def check_names(
    peers: Sequence[Peer],
    ris: Sequence[Ris],
    priorities: Sequence[PriorityOfStudies],
    routes: Sequence[RouteOfResults],
) -> None:
    """Refuse names that are given twice, or to nobody, or to somebody who does not take what a route sends.

    Raises:
        ValueError: there is one; the text says where.
    """
    dicom, told = {peer.name for peer in peers}, {one.name for one in ris}
    names = [*(peer.name for peer in peers), *(one.name for one in ris)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"peers: the name {twice[0]!r} is given twice; each peer needs a name of its own")
    for rule in priorities:
        _refuse_stranger("priorities", rule.peer, dicom, "`[[peers]]`")
    for route in routes:
        for name in route.senders:
            _refuse_stranger("routes", name, dicom, "`[[peers]]`")
        for name in (*route.peers, route.instead):
            _refuse_stranger("routes", name, dicom | told, "`[[peers]]` or `[[ris]]`")
        _refuse_mixture(route, told)


def _refuse_stranger(table: str, name: str, known: set[str], where: str) -> None:
    if name and name not in known:
        raise ValueError(f"{table}: there is no peer {name!r}; it must be one of {where}")


def _refuse_mixture(route: RouteOfResults, told: set[str]) -> None:
    """A RIS takes messages and nothing else, a DICOM peer anything else."""
    messages = {one is ResultObject.MESSAGE for one in route.objects}
    takers = {name in told for name in (*route.peers, route.instead) if name} | ({False} if route.to_sender else set())
    if len(messages) > 1 or messages != takers:
        raise ValueError("routes: `message` goes to `[[ris]]` and nowhere else, other objects to `[[peers]]`; use two")
