"""From the settings to routes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.delivery import ResultObject, Route
from domain.findings import Verdict
from domain.ids import AeTitle
from domain.priority import Priority
from hilum.peer_settings import Peer, RouteOfResults
from hilum.routing import routes
from hilum.settings import Settings

REPORT, CAPTURE = ResultObject.REPORT, ResultObject.CAPTURE


def peer(name: str, **changes: Any) -> Peer:  # noqa: ANN401 - settings
    return Peer(name=name, ae_title=name.upper(), host="h", port=1, **changes)


def made(*rules: RouteOfResults) -> list[Route]:
    peers = (peer("pacs", receives_results=True), peer("a", may_send=True), peer("b", may_send=True))
    return list(routes(Settings.model_construct(peers=peers, routes=rules)))


PLAIN = Route(peer="pacs", object=REPORT)


def test_without_rules_whoever_receives_results_gets_the_report() -> None:
    """And nothing else."""
    assert made() == [PLAIN]


def test_a_rule_is_a_route_for_each_object_and_peer() -> None:
    """With its conditions; the one that stands in is named with its time."""
    rule = RouteOfResults(
        objects=(REPORT, CAPTURE),
        peers=("pacs",),
        senders=("a",),
        priorities=("STAT",),
        results=(Verdict.POSITIVE,),
        instead="b",
        instead_after_seconds=60,
    )
    expected = Route(
        peer="pacs",
        object=REPORT,
        senders=frozenset({AeTitle("A")}),
        priorities=frozenset({Priority.STAT}),
        verdicts=frozenset({Verdict.POSITIVE}),
        instead="b",
        patience=timedelta(minutes=1),
    )
    found = made(rule)
    assert found[:2] == [PLAIN, expected]
    assert [route.object for route in found] == [REPORT, REPORT, CAPTURE]


def test_a_way_back_is_a_route_for_each_sender() -> None:
    """Each gets what came from it alone."""
    found = made(RouteOfResults(objects=(REPORT,), to_sender=True))[1:]
    assert [(route.peer, route.senders) for route in found] == [("a", {"A"}), ("b", {"B"})]


def test_a_way_back_may_be_for_some_senders_only() -> None:
    """The others are told nothing."""
    found = made(RouteOfResults(objects=(REPORT,), to_sender=True, senders=("b",)))[1:]
    assert [(route.peer, route.senders) for route in found] == [("b", {"B"})]


def test_whoever_a_route_may_lead_to_receives() -> None:
    """A worker serves a lane for each."""
    peers = (peer("pacs"), peer("second"), peer("a", may_send=True), peer("other"))
    rule = RouteOfResults(objects=(REPORT,), peers=("pacs",), to_sender=True, instead="second")
    names = [one.name for one in Settings.model_construct(peers=peers, routes=(rule,)).receivers]
    assert names == ["pacs", "second", "a"]
