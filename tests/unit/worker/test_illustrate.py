"""Results as pictures: what is printed, drawn and handed over."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from domain.delivery import Dispatch, Proof, ResultObject
from domain.errors import Crashed, Permanent
from domain.film import Picture, Print, Unsuitable
from domain.findings import Findings, Probabilities
from tests.fakes import MODEL, FakeDarkroom, stored_film
from tests.outbox import PROOF
from worker.illustrate import IllustratingCourier

FINDINGS = Findings(
    model=MODEL,
    films=(stored_film(1), stored_film(2)),
    analysed=stored_film(2),
    probabilities=Probabilities(covid19=0.7, normal=0.1, pneumonia=0.2),
)
DISPATCH = Dispatch(
    peer="pacs", object=ResultObject.CAPTURE, findings=FINDINGS, made_at=datetime(2026, 1, 2, tzinfo=UTC)
)


@dataclass
class FakeIllustrator:
    """Draws a square that is as bright as the film's first pixel."""

    def illustrate(self, findings: Findings, film: Print) -> Picture:
        """Return the square."""
        assert findings == FINDINGS
        return np.full((4, 4, 3), film.picture[0, 0], dtype=np.uint8)


@dataclass
class FakePictureCourier:
    """A peer that takes pictures."""

    taken: list[tuple[Dispatch, int, bool]] = field(default_factory=list)

    def deliver_picture(self, dispatch: Dispatch, picture: Picture, *, is_resized: bool) -> Proof:
        """Keep what came."""
        self.taken.append((dispatch, int(picture[0, 0, 0]), is_resized))
        return PROOF


def deliver(dispatch: Dispatch, darkroom: FakeDarkroom, *, most_pixels: int = 64) -> FakePictureCourier:
    peer = FakePictureCourier()
    courier = IllustratingCourier(
        darkroom=darkroom, illustrator=FakeIllustrator(), courier=peer, most_pixels=most_pixels
    )
    assert courier.deliver(dispatch) == PROOF
    return peer


@pytest.mark.parametrize(("most_pixels", "is_resized"), [(64, True), (4096, False)])
def test_the_analysed_film_is_printed_drawn_and_handed_over(most_pixels: int, is_resized: bool) -> None:  # noqa: FBT001 - a table
    """No larger than it may be."""
    peer = deliver(DISPATCH, FakeDarkroom(), most_pixels=most_pixels)
    assert peer.taken == [(DISPATCH, 128, is_resized)]


def test_a_film_that_kills_its_decoder_is_reported_as_such() -> None:
    """The delivery is held after the second time, and the worker lives on."""
    uid = stored_film(2).sop_instance_uid
    with pytest.raises(Crashed):
        deliver(DISPATCH, FakeDarkroom(failures={uid: Crashed("killed")}))


def test_without_an_analysed_film_nothing_is_drawn() -> None:
    """There is none of what could not be processed."""
    without = Findings(model=MODEL, films=(stored_film(),), unsuitable=Unsuitable.NOT_FRONTAL)
    with pytest.raises(Permanent, match="analysed"):
        deliver(replace(DISPATCH, findings=without), FakeDarkroom())
