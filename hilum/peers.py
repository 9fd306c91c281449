"""`hilum peers`: who is in the settings, and whether each takes what it would be sent."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from domain.delivery import ResultObject
from domain.errors import HilumError
from domain.operations import PeerCheck, PeerPlace
from hilum import bootstrap, routing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom_node.requestor import PeerAddress
    from domain.ids import AeTitle
    from hilum.cli import Loaded
    from hilum.peer_settings import Peer, Ris
    from hilum.settings import Settings


@click.group()
def peers() -> None:
    """List the peers of the settings, and test them."""


@peers.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@click.pass_obj
def list_peers(loaded: Loaded, *, as_json: bool) -> None:
    """Show each peer with what it sends and what it is sent."""
    settings = loaded.settings()
    found = [asdict(one) for one in places(settings)]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        click.echo(f"{one['name']:<20} {one['place']:<36} {one['does']}")
    if not found:
        click.echo("There are no peers: any calling AE title may send, and results stay in the database.")


@peers.command("test")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@click.pass_obj
def test_peer(loaded: Loaded, name: str, *, as_json: bool) -> None:
    """Try with NAME everything that Hilum would want of it; nothing is sent that stays.

    A DICOM peer: C-ECHO, then an association for each object that a route sends it, and for storage commitment where it
    is asked for that. A RIS: a connection, by TLS where it is set, but no message.

    Exit status 1 when something does not work.
    """
    settings = loaded.settings()
    tried = list(checks(settings, name))
    if as_json:
        click.echo(json.dumps([asdict(check) for check in tried]))
    else:
        for check in tried:
            click.echo(f"{'ok    ' if check.is_good else 'FAILED'} {check.what}: {check.says}")
    sys.exit(0 if all(check.is_good for check in tried) else 1)


def places(settings: Settings) -> Iterator[PeerPlace]:
    """Yield the peers of the settings, in order."""
    everybody: list[Peer | Ris] = [*settings.peers, *settings.ris]
    yield from (_place(settings, one) for one in everybody)


def checks(settings: Settings, name: str, *, timeout_s: float | None = None) -> Iterator[PeerCheck]:
    """Try with a peer everything that Hilum would want of it, step by step as the iterator goes on.

    Args:
        settings: where the peer stands.
        name: of the peer.
        timeout_s: seconds for each answer of a DICOM peer; without it as for deliveries.

    Raises:
        Misconfigured: there is no such peer.
    """
    ris = next((one for one in settings.ris if one.name == name), None)
    if ris:
        return _ris_checks(ris)
    return _dicom_checks(settings, bootstrap.peer_named(settings, name), timeout_s)


def _place(settings: Settings, peer: Peer | Ris) -> PeerPlace:
    sent = sorted(_objects_for(settings, peer.name))
    title = getattr(peer, "ae_title", None)
    does = [f"is sent: {', '.join(sent)}"] if sent else []
    if getattr(peer, "may_send", False):
        does.insert(0, "sends films")
    if getattr(peer, "commits_results", False):
        does.append("is asked to commit")
    place = f"{peer.host}:{peer.port}"
    return PeerPlace(name=peer.name, place=f"{title}@{place}" if title else place, does="; ".join(does) or "nothing")


def _objects_for(settings: Settings, name: str) -> set[ResultObject]:
    """Return what a peer may be sent, be it instead of another one."""
    return {route.object for route in routing.routes(settings) if name in (route.peer, route.instead)}


def _ris_checks(ris: Ris) -> Iterator[PeerCheck]:
    yield _connection(ris)


def _dicom_checks(settings: Settings, peer: Peer, timeout_s: float | None) -> Iterator[PeerCheck]:
    from dicom_node.contexts import STORAGE_COMMITMENT
    from dicom_node.objects import KINDS
    from dicom_node.requestor import TIMEOUT_S
    from domain.ids import AeTitle

    address, calling = bootstrap.address_of(peer), AeTitle(settings.node.ae_title)
    patience = TIMEOUT_S if timeout_s is None else timeout_s
    yield _echo(settings, peer, patience)
    sent = _objects_for(settings, peer.name)
    for one in ResultObject:
        if one in sent:
            yield _contexts(address, calling, one, KINDS[one].sop_classes, patience)
    if peer.commits_results:
        yield _contexts(address, calling, "storage commitment", (STORAGE_COMMITMENT,), patience)


def _echo(settings: Settings, peer: Peer, timeout_s: float) -> PeerCheck:
    try:
        return PeerCheck(what="C-ECHO", is_good=True, says=bootstrap.echo(settings, peer.name, timeout_s=timeout_s))
    except HilumError as error:
        return PeerCheck(what="C-ECHO", is_good=False, says=str(error))


def _contexts(
    address: PeerAddress, calling: AeTitle, what: str, sop_classes: tuple[str, ...], timeout_s: float
) -> PeerCheck:
    from dicom_node.sender import accepted_classes

    try:
        accepted = accepted_classes(address, calling, what, sop_classes, timeout_s=timeout_s)
    except HilumError as error:
        return PeerCheck(what=what, is_good=False, says=str(error))
    return PeerCheck(what=what, is_good=True, says=f"accepts {', '.join(accepted)}")


def _connection(ris: Ris) -> PeerCheck:
    from hilum.couriers import mllp_address
    from ris.mllp import connect

    try:
        with connect(mllp_address(ris)):
            pass
    except HilumError as error:
        return PeerCheck(what="connection", is_good=False, says=str(error))
    return PeerCheck(what="connection", is_good=True, says="by TLS, it proved its name" if ris.tls else "without TLS")
