"""The tables of the conformance statement against what goes over the wire, and against the code that decides."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from dicom_node import conformance, samples
from dicom_node.archive import asked_keys
from dicom_node.commitment import ActionStatus
from dicom_node.identity import ReportSettings
from dicom_node.inquiry import EventStatus
from dicom_node.requestor import PeerAddress, associated
from dicom_node.status import StoreStatus
from dicom_node.terms import coded_terms
from dicom_node.web_door import WebFailure
from dicom_node.worklist import StepStatus
from dicom_node.worklist_service import FindStatus
from domain.commitment import FailureReason
from domain.delivery import ResultObject
from domain.errors import Permanent
from domain.ids import AeTitle
from domain.paper import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom_node.requestor import Proposal
    from domain.status import Status

PROPOSALS = {
    "echo": conformance.ECHO,
    "results": conformance.delivery(ResultObject),
    "question": conformance.COMMITMENT_QUESTION,
    "answer": conformance.COMMITMENT_ANSWER,
    "retrieval": conformance.RETRIEVAL,
}


def requested(proposal: Proposal) -> set[tuple[str, str]]:
    """Propose to a peer that takes nothing; return the abstract and transfer syntaxes that it was asked for."""
    heard: set[tuple[str, str]] = set()
    entity, told = AE(ae_title="PEER"), threading.Event()
    entity.add_supported_context(Verification, "1.2.840.10008.1.2.2")

    def on_requested(event: evt.Event) -> None:
        for context in event.assoc.requestor.requested_contexts:
            heard.update((str(context.abstract_syntax), str(one)) for one in context.transfer_syntax)
        told.set()

    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_REQUESTED, on_requested)])
    assert server is not None
    peer = PeerAddress(name="peer", ae_title=AeTitle("PEER"), host="127.0.0.1", port=server.socket.getsockname()[1])
    try:
        with pytest.raises(Permanent), associated(peer, AeTitle("HILUM"), proposal):
            pass
    finally:
        server.shutdown()
    assert told.is_set()
    return heard


@pytest.mark.parametrize("name", PROPOSALS)
def test_a_peer_is_asked_for_what_is_listed(name: str) -> None:
    """By the association that the code opens, no matter what the paper is made from."""
    rows = conformance.proposed_contexts(PROPOSALS[name]).rows
    listed = {(row[1], line.partition(" ")[0]) for row in rows for line in row[2].split("\n")}
    assert set().union(*(requested(one) for one in PROPOSALS[name])) == listed


@pytest.mark.parametrize(
    "kind", [StoreStatus, ActionStatus, EventStatus, StepStatus, FindStatus, FailureReason, WebFailure]
)
def test_every_status_says_when_it_is_given(kind: type[Status]) -> None:
    """In a sentence; two do not share a number."""
    rows = conformance.statuses(kind).rows
    assert len({row[0] for row in rows}) == len(rows) > 0
    assert [row for row in rows if not row[2].endswith(".")] == []


def test_what_a_peers_answer_leads_to() -> None:
    """As the sender decides: delivered, tried again, or held."""
    done = {row[0]: row[2].split()[-1] for row in conformance.peers_answers().rows}
    assert (done["0x0000"], done["0x0111"], done["0xBxxx"]) == ("delivered.",) * 3
    assert (done["0xA7xx"], done["0x0213"]) == ("pauses.",) * 2
    assert (done["0xCxxx"], done["0x0124"]) == ("person.",) * 2


def test_keys_of_queries_are_those_that_are_sent() -> None:
    """At each level, without the level itself."""
    sent = {(str(one.QueryRetrieveLevel), element.name) for one in asked_keys() for element in one}
    listed = {(row[0], row[1]) for row in conformance.query_keys().rows}
    assert sent - listed == {(level, "Query/Retrieve Level") for level in ("STUDY", "SERIES", "IMAGE")}


@pytest.mark.parametrize("one", [one for one in ResultObject if one is not ResultObject.MESSAGE])
def test_attributes_tell_whose_a_value_is(one: ResultObject) -> None:
    """Of the film, of the network, or ours; and whether it may be missing."""
    rows = {row[0]: row for row in samples.attributes(one, ReportSettings()).rows}
    assert rows["Patient ID"][3:] == ("ALWAYS", "of the film")
    assert rows["Patient's Name"][3:] == ("VNAP", "of the film")
    assert rows["Study Description"][3:] == ("ANAP", "of the film")
    assert rows["Series Instance UID"][3:] == ("ALWAYS", "made")
    assert rows["Manufacturer"][3:] == ("ALWAYS", "`Hilum`")


def test_every_code_of_a_report_is_among_the_terms() -> None:
    """And those of items of the worklist, and of selections."""
    codes = {row[0] for row in coded_terms().rows}
    assert {"882784691000119100", "233604007", "126000", "111242", "110005", "113000"} - codes == set()


def test_a_row_without_a_cell_is_refused() -> None:
    """It would shift what stands behind it."""
    with pytest.raises(ValueError, match="a cell for each column"):
        Table(columns=("A", "B"), rows=[("only one",)])


def titles(rows: Sequence[Sequence[str]]) -> list[str]:
    return [row[0] for row in rows]


def test_readers_have_more_contexts_than_others() -> None:
    """Two: of the worklist."""
    ours, readers = (titles(conformance.accepted_contexts(worklist=one).rows) for one in (False, True))
    assert set(readers) - set(ours) == {
        "Unified Procedure Step - Pull SOP Class",
        "Unified Procedure Step - Query SOP Class",
    }
