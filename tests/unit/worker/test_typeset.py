"""Results as pages: what is set and handed over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from domain.delivery import Dispatch, Proof, ResultObject
from domain.errors import Transient
from domain.film import Unsuitable
from domain.findings import Findings
from tests.fakes import MODEL, stored_film
from tests.outbox import PROOF
from worker.typeset import TypesettingCourier

FINDINGS = Findings(model=MODEL, films=(stored_film(),), unsuitable=Unsuitable.NOT_FRONTAL)
DISPATCH = Dispatch(
    peer="pacs", object=ResultObject.DOCUMENT, findings=FINDINGS, made_at=datetime(2026, 1, 2, tzinfo=UTC)
)


class FakeTypesetter:
    """Sets the verdict and nothing else."""

    def pages(self, dispatch: Dispatch) -> bytes:
        """Return the verdict."""
        return dispatch.findings.verdict.encode()


@dataclass
class FakePagesCourier:
    """A peer that takes documents, or is away."""

    is_away: bool = False
    taken: list[tuple[Dispatch, bytes]] = field(default_factory=list)

    def deliver_pages(self, dispatch: Dispatch, pages: bytes) -> Proof:
        """Keep what came."""
        if self.is_away:
            raise Transient("away")
        self.taken.append((dispatch, pages))
        return PROOF


def test_the_pages_of_a_result_are_handed_over() -> None:
    """Also of what could not be processed: the reason is the result."""
    peer = FakePagesCourier()
    assert TypesettingCourier(typesetter=FakeTypesetter(), courier=peer).deliver(DISPATCH) == PROOF
    assert peer.taken == [(DISPATCH, b"could-not-process")]


def test_a_peer_that_is_away_is_tried_again() -> None:
    """Its trouble passes on as it is."""
    with pytest.raises(Transient):
        TypesettingCourier(typesetter=FakeTypesetter(), courier=FakePagesCourier(is_away=True)).deliver(DISPATCH)
