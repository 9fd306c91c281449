"""`hilum peers`: who is in the settings, and whether each takes what it would be sent."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from domain.delivery import ResultObject
from domain.errors import HilumError
from hilum import bootstrap, routing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom_node.requestor import PeerAddress
    from domain.ids import AeTitle
    from hilum.cli import Loaded
    from hilum.peer_settings import Peer, Ris
    from hilum.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was tried with a peer."""

    what: str
    is_good: bool
    says: str


@click.group()
def peers() -> None:
    """List the peers of the settings, and test them."""


@peers.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@click.pass_obj
def list_peers(loaded: Loaded, *, as_json: bool) -> None:
    """Show each peer with what it sends and what it is sent."""
    settings = loaded.settings()
    everybody: list[Peer | Ris] = [*settings.peers, *settings.ris]
    found = [_row(settings, one) for one in everybody]
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
    ris = next((one for one in settings.ris if one.name == name), None)
    checks = [_connection(ris)] if ris else list(_dicom_checks(settings, bootstrap.peer_named(settings, name)))
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks]))
    else:
        for check in checks:
            click.echo(f"{'ok    ' if check.is_good else 'FAILED'} {check.what}: {check.says}")
    sys.exit(0 if all(check.is_good for check in checks) else 1)


def _row(settings: Settings, peer: Peer | Ris) -> dict[str, str]:
    sent = sorted(_objects_for(settings, peer.name))
    title = getattr(peer, "ae_title", None)
    does = [f"is sent: {', '.join(sent)}"] if sent else []
    if getattr(peer, "may_send", False):
        does.insert(0, "sends films")
    if getattr(peer, "commits_results", False):
        does.append("is asked to commit")
    place = f"{peer.host}:{peer.port}"
    return {"name": peer.name, "place": f"{title}@{place}" if title else place, "does": "; ".join(does) or "nothing"}


def _objects_for(settings: Settings, name: str) -> set[ResultObject]:
    """Return what a peer may be sent, be it instead of another one."""
    return {route.object for route in routing.routes(settings) if name in (route.peer, route.instead)}


def _dicom_checks(settings: Settings, peer: Peer) -> Iterator[Check]:
    from dicom_node.contexts import STORAGE_COMMITMENT
    from dicom_node.objects import KINDS
    from domain.ids import AeTitle

    address, calling = bootstrap.address_of(peer), AeTitle(settings.node.ae_title)
    yield _echo(settings, peer)
    sent = _objects_for(settings, peer.name)
    for one in ResultObject:
        if one in sent:
            yield _contexts(address, calling, one, KINDS[one].sop_classes)
    if peer.commits_results:
        yield _contexts(address, calling, "storage commitment", (STORAGE_COMMITMENT,))


def _echo(settings: Settings, peer: Peer) -> Check:
    try:
        return Check(what="C-ECHO", is_good=True, says=bootstrap.echo(settings, peer.name))
    except HilumError as error:
        return Check(what="C-ECHO", is_good=False, says=str(error))


def _contexts(address: PeerAddress, calling: AeTitle, what: str, sop_classes: tuple[str, ...]) -> Check:
    from dicom_node.sender import accepted_classes

    try:
        accepted = accepted_classes(address, calling, what, sop_classes)
    except HilumError as error:
        return Check(what=what, is_good=False, says=str(error))
    return Check(what=what, is_good=True, says=f"accepts {', '.join(accepted)}")


def _connection(ris: Ris) -> Check:
    from hilum.couriers import mllp_address
    from ris.mllp import connect

    try:
        with connect(mllp_address(ris)):
            pass
    except HilumError as error:
        return Check(what="connection", is_good=False, says=str(error))
    return Check(what="connection", is_good=True, says="by TLS, it proved its name" if ris.tls else "without TLS")
