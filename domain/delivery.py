"""What is told to whom: the objects made of a result, the routes they take, and the proof that they arrived."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.film import FilmHeader
    from domain.findings import Findings, Verdict
    from domain.ids import AeTitle, SopInstanceUid
    from domain.priority import Priority


class ResultObject(StrEnum):
    """What a result can be told as."""

    REPORT = "report"
    """Structured report (PS3.3 A.35)."""
    CAPTURE = "capture"
    """Secondary capture: the film with the heat map, and a strip with the result (PS3.3 A.8.4)."""
    PRESENTATION = "presentation"
    """Grayscale softcopy presentation state: the result as text over the film (PS3.3 A.33.1)."""
    SELECTION = "selection"
    """Key object selection: the film that the result rests on (PS3.3 A.35.4)."""
    DOCUMENT = "document"
    """Encapsulated PDF: the result as pages to read (PS3.3 A.45.1)."""

    MESSAGE = "message"
    """HL7 message to a RIS: ORU^R01 of HL7 v2.5.1."""

    @property
    def needs_film(self) -> bool:
        """Whether there is none of a study of which no film was analysed."""
        return self in {ResultObject.CAPTURE, ResultObject.PRESENTATION, ResultObject.SELECTION}


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """Where one object of a result goes; an empty condition is met by every study."""

    peer: str
    object: ResultObject
    senders: frozenset[AeTitle] = frozenset()
    """Met by a study of which one of these sent a film."""
    priorities: frozenset[Priority] = frozenset()
    verdicts: frozenset[Verdict] = frozenset()
    instead: str = ""
    """The peer that gets the object as well where the first does not take it in time; empty: none."""
    patience: timedelta = timedelta(0)
    """How long the first peer may take then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dispatch:
    """One object that is to be told to one peer."""

    peer: str
    object: ResultObject
    findings: Findings
    made_at: datetime
    """When the findings were stored, aware of its time zone: every try sends the same bytes."""
    predecessor: Findings | None = None
    """The study's result before this one, from fewer films or another network; its report is superseded."""
    seen: Mapping[SopInstanceUid, FilmHeader] = field(default_factory=dict, hash=False)
    """View of each film, and why it was not analysed, as far as that was stored with the findings."""

    @property
    def fingerprint(self) -> str:
        """What is told to whom in 20 hexadecimal digits, the same each time."""
        model = self.findings.model
        thresholds = (f"{model.undetermined_below:.6f}", f"{model.covid19_from:.6f}")
        told = (self.findings.films[0].study_uid, self.findings.input_digest, model.sha256, *thresholds)
        return hashlib.sha256("\n".join((self.object, self.peer, *told)).encode()).hexdigest()[:20]


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What a peer acknowledged: an instance, or a message."""

    status: int | None = None
    """DIMSE status of the response: success or a warning (PS3.4 B.2.3)."""
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    control_id: str | None = None
    """MSH-10 of the message that was accepted."""
    comment: str = ""
    """Error Comment (0000,0902) or MSA-3: what the peer said with it."""
