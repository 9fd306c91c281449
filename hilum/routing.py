"""From the settings to the routes that results take."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from domain.delivery import ResultObject, Route
from domain.ids import AeTitle
from domain.priority import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.peer_settings import RouteOfResults
    from hilum.settings import Settings


def routes(settings: Settings) -> tuple[Route, ...]:
    """Return a route for each object and peer: the plain ones of `receives_results`, then those of `[[routes]]`."""
    plain = (Route(peer=peer.name, object=ResultObject.REPORT) for peer in settings.peers if peer.receives_results)
    return (*plain, *(route for rule in settings.routes for route in _of_rule(rule, settings)))


def _of_rule(rule: RouteOfResults, settings: Settings) -> Iterator[Route]:
    titles = {peer.name: AeTitle(peer.ae_title) for peer in settings.peers}
    senders = frozenset(titles[name] for name in rule.senders)
    ways = [(name, senders) for name in rule.peers]
    if rule.to_sender:
        back = ((peer.name, AeTitle(peer.ae_title)) for peer in settings.senders)
        ways += [(name, frozenset({title})) for name, title in back if not senders or title in senders]
    for peer, those in ways:
        for one in rule.objects:
            yield Route(
                peer=peer,
                object=one,
                senders=those,
                priorities=frozenset(Priority[name] for name in rule.priorities),
                verdicts=frozenset(rule.results),
                instead=rule.instead if rule.instead != peer else "",
                patience=timedelta(seconds=rule.instead_after_seconds),
            )
