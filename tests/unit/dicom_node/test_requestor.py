"""Answers on associations that we open reach whoever waits for them, on a busy machine too."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_ECHO
from pynetdicom.sop_class import Verification

from dicom_node.requestor import PeerAddress, Proposal, associated
from domain.ids import AeTitle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pynetdicom.association import Association

PROPOSAL = Proposal(service="verification", sop_classes=[str(Verification)])
REQUESTS = 200


@contextmanager
def verification() -> Iterator[Association]:
    """Associate with a peer that answers C-ECHO."""
    entity = AE(ae_title="PEER")
    entity.add_supported_context(Verification)
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    peer = PeerAddress(name="peer", ae_title=AeTitle("PEER"), host="127.0.0.1", port=server.socket.getsockname()[1])
    try:
        with associated(peer, AeTitle("HILUM"), PROPOSAL) as association:
            yield association
    finally:
        server.shutdown()


def message(*, is_request: bool) -> C_ECHO:
    """Make a request of the peer's, or an answer to one of ours."""
    made = C_ECHO()
    if is_request:
        made.MessageID, made.AffectedSOPClassUID = 1, Verification
    else:
        made.MessageIDBeingRespondedTo, made.Status = 1, 0
    return made


def test_a_thread_that_never_pauses_takes_no_answer() -> None:
    """The library's own thread, which serves requests, is kept busy, as if it came late to every pause."""
    with verification() as association:
        association._reactor_checkpoint.wait = lambda _=None: time.sleep(0.001) is None  # type: ignore[method-assign]
        answers = [association.send_c_echo() for _ in range(REQUESTS)]
        assert [answer.get("Status") for answer in answers] == [0] * REQUESTS


def test_requests_and_answers_have_a_queue_each() -> None:
    """Whoever waits for an answer gets no request, and whoever serves requests gets no answer."""
    with verification() as association:
        association._reactor_checkpoint.clear()
        time.sleep(0.05)
        provider = association.dimse
        request, answer = (1, message(is_request=True)), (1, message(is_request=False))
        provider.msg_queue.put(request)
        provider.msg_queue.put(answer)
        assert [provider.get_msg(block=False), provider.get_msg(block=False)] == [request, (None, None)]
        assert provider.get_msg(block=True) == answer


@pytest.mark.timeout(25)
@pytest.mark.parametrize("silently", [False, True])
def test_whoever_waits_is_told_when_no_answer_can_come(silently: bool) -> None:  # noqa: FBT001 - a table
    """The association is aborted, or the thread that reads from it ends without a word: nobody waits for a timeout."""
    with verification() as association:
        association._reactor_checkpoint.clear()
        provider = association.dimse
        end = association.dul.kill_dul if silently else association.acse.send_abort
        threading.Timer(0.1, end, [] if silently else [0]).start()
        assert provider.get_msg(block=True) == (None, None)
        association.abort()
