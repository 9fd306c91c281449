"""Who may call, from where, and how many at once."""

from __future__ import annotations

from contextlib import ExitStack
from ipaddress import ip_network
from pathlib import Path

import pytest

from dicom_node.access import Access, Caller, Rejection, TlsFiles, tls_context
from dicom_node.workload import Workload
from domain.errors import Misconfigured

XRAY = Caller(ae_title="XRAY1", networks=(ip_network("10.1.0.0/16"), ip_network("::1/128")), maximum_associations=2)
PACS = Caller(ae_title="PACS")


def access(*callers: Caller, called: bool = False) -> Access:
    return Access(ae_title="HILUM", requires_called_ae_title=called, callers=callers, maximum_associations=5)


@pytest.mark.parametrize(
    ("calling", "called", "address", "expected"),
    [
        ("XRAY1", "HILUM", "10.1.2.3", None),
        ("XRAY1", "HILUM", "::ffff:10.1.2.3", None),
        ("XRAY1", "HILUM", "::1", None),
        ("XRAY1", "HILUM", "10.2.2.3", Rejection.CALLING_AE_TITLE_NOT_RECOGNISED),
        ("PACS", "HILUM", "10.2.2.3", None),
        ("OTHER", "HILUM", "10.1.2.3", Rejection.CALLING_AE_TITLE_NOT_RECOGNISED),
        ("PACS", "OTHER", "10.2.2.3", Rejection.CALLED_AE_TITLE_NOT_RECOGNISED),
    ],
)
def test_titles_and_addresses_decide(calling: str, called: str, address: str, expected: Rejection | None) -> None:
    """A title from the wrong place is as unknown as a wrong title."""
    assert access(XRAY, PACS, called=True).rejection(calling, called, address) is expected


def test_without_peers_anybody_may_call() -> None:
    """And, unless it is asked for, under any called AE title."""
    assert access().rejection("WHO", "WHAT", "192.0.2.1") is None


def test_a_caller_may_be_known_without_being_allowed_to_send() -> None:
    """It may ask whether we are there."""
    rules = access(XRAY, Caller(ae_title="VIEWER", may_send=False))
    assert rules.rejection("VIEWER", "HILUM", "192.0.2.1") is None
    assert [rules.may_send(title) for title in ("XRAY1", "VIEWER", "OTHER")] == [True, False, False]
    assert access().may_send("WHO")


def test_limits_are_by_caller_and_in_all() -> None:
    """A caller without a limit of its own has the common one, and so has everybody who is not listed."""
    rules = access(XRAY, PACS)
    assert [rules.limit_of(rules.caller(title)) for title in ("XRAY1", "PACS", "OTHER")] == [2, 5, 5]


def test_connections_and_associations_are_counted_apart() -> None:
    """By caller; and what a dead process left is forgotten."""
    workload = Workload(2, 3)
    workload.join(1)
    never_left = ExitStack()  # as a process that is killed
    never_left.enter_context(workload.one_connection())
    never_left.enter_context(workload.one_association(2))
    with workload.one_connection():
        assert workload.own_connections() == 2
    assert (workload.associations(), workload.associations(2), workload.associations(0)) == (1, 1, 0)
    assert workload.is_above_least()
    workload.join(0)
    assert not workload.is_above_least()
    workload.clear(1)
    assert workload.associations() == 0


def test_unusable_files_for_tls_are_named(tmp_path: Path) -> None:
    """With the settings that name them."""
    with pytest.raises(Misconfigured, match="tls_certificate"):
        tls_context(TlsFiles(port=1, certificate=tmp_path / "c", key=tmp_path / "k", client_authorities=None))
