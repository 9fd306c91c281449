"""The modality of the demo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pynetdicom import AE, evt
from pynetdicom.presentation import AllStoragePresentationContexts

from dicom_node.rehearsal import send
from domain.errors import Transient
from tests.films import film


@contextmanager
def node(*answers: int) -> Iterator[tuple[int, list[int]]]:
    """A node that gives these answers to C-STORE, the last one for ever; its port, and what it has answered."""
    given: list[int] = []

    def answer(_: object) -> int:
        given.append(answers[min(len(given), len(answers) - 1)])
        return given[-1]

    entity = AE(ae_title="HILUM")
    entity.supported_contexts = list(AllStoragePresentationContexts)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, answer)])
    try:
        yield server.socket.getsockname()[1], given  # type: ignore[union-attr]
    finally:
        server.shutdown()


def test_a_film_is_sent_again_while_the_node_is_out_of_resources() -> None:
    """As it is until its database has started; the film after it is sent once."""
    with node(0xA700, 0xA700, 0x0000) as (port, given):
        assert len(list(send([film(1), film(2)], "127.0.0.1", port, called="HILUM", seconds=60))) == 2
    assert given == [0xA700, 0xA700, 0x0000, 0x0000]


@pytest.mark.parametrize(("status", "seconds"), [(0xA700, 0.0), (0xC000, 60.0)])
def test_a_film_that_is_not_taken_in_time_or_never_ends_the_demo(status: int, seconds: float) -> None:
    """With the status, which the demo shows."""
    with node(status) as (port, _), pytest.raises(Transient, match=f"answered with status {status}"):
        list(send([film(1)], "127.0.0.1", port, called="HILUM", seconds=seconds))
