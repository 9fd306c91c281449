"""`hilum fetch`: films that an archive has and that are not here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import click

from domain.archive import Query, wanted
from domain.errors import Permanent, Transient
from domain.ids import AeTitle, StudyUid
from hilum import bootstrap, stopping
from hilum.importing import INTERRUPTED
from hilum.progress import bar
from hilum.storage import door

if TYPE_CHECKING:
    import threading

    from dicom_node.archive import Archive, Method
    from dicom_node.requestor import PeerAddress
    from domain.archive import RemoteStudy, Wanted
    from domain.ids import SopInstanceUid
    from hilum.settings import Settings
    from hilum.storage import Door

_DATE = re.compile(r"\d{8}|\d{8}-|-\d{8}|\d{8}-\d{8}")


@dataclass(kw_only=True, slots=True)
class Haul:
    """What the archive has, and what came of it."""

    method: str
    studies: list[RemoteStudy] = field(default_factory=list)
    missing: set[SopInstanceUid] = field(default_factory=set)
    """What was not here before."""
    left: set[SopInstanceUid] = field(default_factory=set)
    """What is not here afterwards."""
    problems: list[str] = field(default_factory=list)
    is_dry: bool = False
    is_interrupted: bool = False
    may_come_by_move: bool = False
    """Some peers accept C-GET when they are asked whether they do, and refuse each request."""

    @property
    def brought_nothing(self) -> bool:
        """Whether the peer failed altogether."""
        return bool(self.problems) and self.left == self.missing and not self.is_interrupted

    @property
    def status(self) -> int:
        """The exit status."""
        if self.is_interrupted:
            return INTERRUPTED
        return int(bool(self.problems) or (bool(self.left) and not self.is_dry))

    def as_json(self) -> str:
        """Return all of it as one line of JSON."""
        return json.dumps(
            {
                "method": self.method,
                "studies": [
                    {
                        "study": study.study_uid,
                        "date": study.date,
                        "films": len(study.films),
                        "missing": len(self.missing.intersection(study.films)),
                    }
                    for study in self.studies
                ],
                "missing": len(self.missing),
                "fetched": len(self.missing) - len(self.left),
                "left": len(self.left),
                "problems": self.problems,
                "interrupted": self.is_interrupted,
            }
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class How:
    """How to fetch."""

    method: Method | None
    patience_s: float
    is_dry: bool


def query(
    *, date: str | None, studies: tuple[str, ...], patient: str | None, accession: str | None, modalities: str
) -> Query:
    """Return what a person asks for.

    Raises:
        ValueError: no study is named, or a value can't be a key.
    """
    date = datetime.now().astimezone().strftime("%Y%m%d") if date == "today" else date or ""
    if date and not _DATE.fullmatch(date):
        raise ValueError("a date is 20261125, 20261101-20261125, 20261101-, -20261125 or today")
    if any("\\" in key for key in (patient or "", accession or "", *studies)):
        raise ValueError("a key has no backslash")
    return Query(
        date=date,
        study_uids=tuple(StudyUid(uid) for uid in studies),
        patient_id=patient or "",
        accession_number=accession or "",
        modalities=frozenset(one.strip().upper() for one in modalities.split(",") if one.strip()),
    )


def run(settings: Settings, name: str, asked: Query, how: How, *, as_json: bool) -> int:
    """Bring what the peer has and is not here, print it, and return the exit status.

    Raises:
        Misconfigured: there is no such peer, or database or spool can't be used.
        Transient: the peer or the database can't be reached.
        Permanent: the peer does not offer what is needed, or refuses the query.
    """
    peer = bootstrap.address_of(bootstrap.peer_named(settings, name))
    stop = stopping.on_signals()
    with door(settings, role="fetch") as opened:
        haul = bring(settings, peer, asked, how, opened, stop)
        opened.events.info("films-fetched", calling=peer.ae_title, count=len(haul.missing) - len(haul.left))
        if haul.status:
            opened.events.warning("fetch-incomplete", calling=peer.ae_title, count=len(haul.left))
    click.echo(haul.as_json() if as_json else "\n".join(_lines(haul)))
    return haul.status


def bring(settings: Settings, peer: PeerAddress, asked: Query, how: How, opened: Door, stop: threading.Event) -> Haul:
    """Bring what the peer has and is not here, by C-GET or, where nothing comes so, by C-MOVE.

    Raises:
        Transient: the peer or the database can't be reached.
        Permanent: the peer does not offer what is needed, or refuses the query.
    """
    from dicom_node.archive import Method

    haul = _ask(settings, peer, asked, opened, stop, how)
    if how.method is None and haul.may_come_by_move:
        opened.events.warning("nothing-by-c-get", calling=peer.ae_title)
        haul = _ask(settings, peer, asked, opened, stop, replace(how, method=Method.MOVE))
    return haul


def _ask(settings: Settings, peer: PeerAddress, asked: Query, opened: Door, stop: threading.Event, how: How) -> Haul:
    from dicom_node.archive import archive

    calling = AeTitle(settings.node.ae_title)
    with archive(peer, calling, opened.storage, stop, method=how.method, patience_s=how.patience_s) as remote:
        haul = Haul(method=remote.method, is_dry=how.is_dry)
        _fetch(remote, asked, opened, haul)
        haul.may_come_by_move = (
            remote.method == "get" and remote.offers_move and remote.trouble is None and haul.brought_nothing
        )
    return haul


def _fetch(remote: Archive, asked: Query, opened: Door, haul: Haul) -> None:
    from dicom_node.archive import Interrupted

    try:
        _find(remote, asked, haul)
        films = [film for study in haul.studies for film in study.films]
        known = _known(opened, films)
        haul.missing = set(films) - known
        haul.left = set(haul.missing)
        if not haul.is_dry:
            _retrieve_all(remote, [one for study in haul.studies for one in wanted(study, known)], haul)
    except Interrupted:
        haul.is_interrupted = True
    if not haul.is_dry:
        haul.left = haul.missing - _known(opened, haul.missing)


def _find(remote: Archive, asked: Query, haul: Haul) -> None:
    with bar("asking") as advance:
        for study in remote.find(asked):
            haul.studies.append(study)
            advance(1)


def _known(opened: Door, films: list[SopInstanceUid] | set[SopInstanceUid]) -> set[SopInstanceUid]:
    from db.holdings import known_instances

    return known_instances(opened.engine, films)


def _retrieve_all(remote: Archive, requests: list[Wanted], haul: Haul) -> None:
    from dicom_node.archive import Incomplete

    with bar("fetching", sum(len(request.films) for request in requests)) as advance:
        for request in requests:
            try:
                remote.retrieve(request, advance)
            except Incomplete as error:
                haul.problems.append(f"study {request.study_uid}: {error}")
            except (Transient, Permanent) as error:
                haul.problems.append(f"ended early: {error}; fetch again to go on")
                return


def _lines(haul: Haul) -> list[str]:
    lines = list(haul.problems)
    if haul.is_dry and haul.studies:
        lines.append("date      films  missing  study")
        lines += [
            f"{study.date:<8}{len(study.films):>7}{len(haul.missing.intersection(study.films)):>9}  {study.study_uid}"
            for study in haul.studies
        ]
    films = sum(len(study.films) for study in haul.studies)
    lines.append(f"{len(haul.studies)} studies with {films} films there, {len(haul.missing)} of them not here")
    if not haul.is_dry:
        lines.append(f"{len(haul.missing) - len(haul.left)} fetched by C-{haul.method.upper()}, {len(haul.left)} not")
    if haul.left and not haul.is_dry and haul.method == "move":
        lines.append("C-MOVE needs a running node that the peer knows by its AE title, and that lets the peer send")
    return lines
