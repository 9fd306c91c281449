"""The conformance statement's chapter on networking (PS3.2): what others may ask of us, and what we ask of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node import conformance, samples
from dicom_node.commitment import ActionStatus
from dicom_node.inquiry import EventStatus
from dicom_node.status import StoreStatus
from dicom_node.worklist import StepStatus
from dicom_node.worklist_service import FindStatus
from domain.commitment import FailureReason
from domain.delivery import ResultObject
from domain.paper import Listing, Section, Table, Text
from hilum import routing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.paper import Block
    from hilum.settings import Settings

NETWORKING = "Networking"
ACCEPTED = "What the node accepts"
READERS = "What is accepted from readers of the worklist beside it"
_HIDDEN = ("tls_certificate", "tls_key", "tls_client_authorities")


def chapter(settings: Settings) -> Section:
    """Return the chapter."""
    return Section(
        title=NETWORKING,
        sections=[_model(settings), _specifications(settings), _interfaces(settings), _configuration(settings)],
    )


def _model(settings: Settings) -> Section:
    title = settings.node.ae_title
    return Section(
        title="Implementation model",
        sections=[
            Section(
                title="Application data flow",
                blocks=[
                    Text(
                        text=f"There is one application entity, `{title}`. It accepts associations (the node), and it "
                        "opens associations (workers, the scheduler, and commands that a person runs). All of them use "
                        "the same AE title."
                    ),
                    Listing(
                        points=[
                            "Films come by C-STORE, or are fetched from an archive by C-GET or C-MOVE.",
                            "A study that is complete is classified by the worker. No association is open meanwhile.",
                            "Each object of a result is sent to each of its peers on an association of its own.",
                            "Modalities are told by N-EVENT-REPORT whether their films are safe.",
                            "Peers are asked by N-ACTION whether they keep results.",
                            "Workstations ask for the reading worklist, and claim studies from it.",
                        ]
                    ),
                ],
            ),
            Section(
                title="Sequencing of real-world activities",
                blocks=[
                    Text(
                        text=f"A study is complete when no new instance has come for "
                        f"`{settings.node.study_quiet_seconds:g}` seconds, or for the time of its sender, or when a "
                        "sender that says so releases its association. Films that come later make the study due again; "
                        "the new report names the one that it takes the place of."
                    )
                ],
            ),
        ],
    )


def _specifications(settings: Settings) -> Section:
    return Section(
        title="AE specifications",
        sections=[
            Section(title="Association policies", sections=[_general(settings), _acceptance(settings)]),
            _accepted(settings),
            _services(settings),
            Section(title="Association initiation", sections=list(_initiations(settings))),
        ],
    )


def _general(settings: Settings) -> Section:
    node = settings.node
    numbers = Table(
        columns=("What", "Value"),
        rows=[
            ("Associations accepted at the same time", str(node.maximum_associations)),
            ("Asynchronous operations", "not negotiated: one outstanding transaction"),
            ("Time to ask for an association", f"{node.acse_timeout_seconds:g} s"),
            ("Silence within a message", f"{node.dimse_timeout_seconds:g} s"),
            ("Silence between two messages", f"{node.idle_timeout_seconds:g} s"),
            ("SOP Class Extended and Common Extended Negotiation, User Identity", "not negotiated"),
        ],
    )
    return Section(title="General", blocks=[conformance.implementation(), numbers])


def _acceptance(settings: Settings) -> Section:
    callers: list[Block]
    if settings.peers:
        rows = [
            (
                peer.name,
                peer.ae_title,
                ", ".join(map(str, peer.sends_from)) or "any address",
                "yes" if peer.may_send else "no, C-ECHO only",
                "yes" if peer.reads_worklist else "no",
                str(peer.maximum_associations or "no limit of its own"),
            )
            for peer in settings.peers
        ]
        columns = ("Peer", "Calling AE title", "From", "May send films", "Sees the worklist", "Associations")
        callers = [Table(columns=columns, rows=rows)]
    else:
        callers = [Text(text="The settings name no peers: associations of any calling AE title are accepted.")]
    checked = "is checked" if settings.node.check_called_ae_title else "is not checked"
    return Section(
        title="Association acceptance policy",
        blocks=[*callers, Text(text=f"The called AE title {checked}."), conformance.rejections()],
    )


def _accepted(settings: Settings) -> Section:
    ours = conformance.accepted_contexts(worklist=False)
    readers = any(peer.reads_worklist for peer in settings.peers)
    if not readers:
        beside: Block = Text(text="No peer may see the reading worklist: it has no presentation context.")
    else:
        everything = conformance.accepted_contexts(worklist=True)
        beside = Table(columns=ours.columns, rows=[row for row in everything.rows if row not in ours.rows])
    return Section(
        title="Accepted presentation contexts",
        sections=[Section(title=ACCEPTED, blocks=[ours]), Section(title=READERS, blocks=[beside])],
    )


def _services(settings: Settings) -> Section:
    worklist = settings.worklist
    step = samples.step_attributes(label=worklist.label, retrieve_from=worklist.retrieve_ae_title)
    return Section(
        title="SOP specific conformance as SCP",
        sections=[
            Section(title="Verification", blocks=[Text(text="C-ECHO is answered 0x0000 to every accepted caller.")]),
            Section(
                title="Storage",
                blocks=[
                    Text(text="Level 2 (full): every attribute is kept, private ones too. Nothing is recompressed."),
                    Text(text=f"Other content under a known SOP Instance UID: `{settings.node.on_conflict.value}`."),
                    conformance.statuses(StoreStatus),
                ],
            ),
            Section(
                title="Storage Commitment Push Model, of films",
                blocks=[
                    Text(
                        text="N-ACTION is answered when the request is committed to the database. The answer comes by "
                        "N-EVENT-REPORT on an association that we open to the peer's address: event type 1 where all "
                        "instances are safe, else 2. It is tried until the peer takes it."
                    ),
                    conformance.statuses(ActionStatus),
                    Text(text="Failure Reason (0008,1197) of an instance that is not safe:"),
                    conformance.statuses(FailureReason),
                ],
            ),
            Section(
                title="Answers of others to storage commitment of results",
                blocks=[
                    Text(text="N-EVENT-REPORT of a peer that was asked; Hilum is the SCU, by role selection."),
                    conformance.statuses(EventStatus),
                ],
            ),
            Section(
                title="Unified Procedure Step, Pull and Query",
                blocks=[
                    Text(text="For peers that may see the worklist. C-FIND:"),
                    conformance.statuses(FindStatus),
                    Text(text="N-GET, N-SET, N-ACTION (type 1, change state):"),
                    conformance.statuses(StepStatus),
                    Text(text="Attributes of a step. N-SET of others than those marked is answered 0x0001:"),
                    step,
                ],
            ),
        ],
    )


def _initiations(settings: Settings) -> Iterator[Section]:
    yield Section(
        title="Verification",
        blocks=[
            Text(text="When a person runs `hilum echo` or `hilum peers test`."),
            conformance.proposed_contexts(conformance.ECHO),
        ],
    )
    yield _delivery(settings)
    yield Section(
        title="Storage commitment of results",
        blocks=[
            _who([peer.name for peer in settings.receivers if peer.commits_results], "asked"),
            Text(text="One N-ACTION about all objects of a few seconds. What is listed as failed is sent again."),
            conformance.proposed_contexts(conformance.COMMITMENT_QUESTION),
        ],
    )
    yield Section(
        title="Answer to storage commitment of films",
        blocks=[
            _who([peer.name for peer in settings.senders], "answered, where they ask"),
            conformance.proposed_contexts(conformance.COMMITMENT_ANSWER),
        ],
    )
    daily = [peer.name for peer in settings.peers if peer.reconciled != "no"]
    yield Section(
        title="Query and retrieve",
        blocks=[
            Text(text="When a person runs `hilum fetch`, and once a day for peers with `reconciled`."),
            _who(daily, "asked once a day"),
            Text(text=f"Films come by C-GET where the peer offers it, else by C-MOVE to `{settings.node.ae_title}`."),
            conformance.query_keys(),
            Text(text="Films are asked for in one presentation context for each transfer syntax:"),
            conformance.proposed_contexts(conformance.RETRIEVAL),
        ],
    )


def _delivery(settings: Settings) -> Section:
    sent: dict[str, set[ResultObject]] = {}
    for route in routing.routes(settings):
        for name in filter(None, (route.peer, route.instead)):
            sent.setdefault(name, set()).add(route.object)
    rows = [
        (peer.name, peer.ae_title, ", ".join(one.value for one in ResultObject if one in sent.get(peer.name, ())))
        for peer in settings.receivers
    ]
    peers: Block = Text(text="No peer receives results.")
    if rows:
        peers = Table(columns=("Peer", "AE title", "Objects that are sent to it"), rows=rows)
    return Section(
        title="Storage of results",
        blocks=[
            peers,
            Text(text="A peer is asked for the contexts of one object at a time; of SOP classes the first counts."),
            conformance.proposed_contexts(conformance.delivery(ResultObject)),
            Text(text="What is done at each answer:"),
            conformance.peers_answers(),
        ],
    )


def _who(names: list[str], what: str) -> Text:
    return Text(text=f"Peers that are {what}: {', '.join(f'`{name}`' for name in names) or 'none'}.")


def _interfaces(settings: Settings) -> Section:
    node = settings.node
    return Section(
        title="Network interfaces",
        blocks=[
            Text(text="TCP/IP, version 4 or 6, as the operating system offers it. There is no DHCP or DNS of ours."),
            Table(
                columns=("Listens on", "Port", "Security"),
                rows=[
                    (node.host, str(node.port), "none"),
                    *([(node.host, str(node.tls_port), "TLS")] if node.tls_port else []),
                ],
            ),
        ],
    )


def _configuration(settings: Settings) -> Section:
    remote = [(peer.name, peer.ae_title, peer.host, str(peer.port)) for peer in settings.peers]
    parameters = [
        (f"node.{key}", _shown(key, getattr(settings.node, key)), field.description or "")
        for key, field in type(settings.node).model_fields.items()
    ]
    return Section(
        title="Configuration",
        sections=[
            Section(
                title="AE titles and presentation addresses",
                blocks=[
                    Table(
                        columns=("Application entity", "AE title", "Address", "Port"),
                        rows=[("Ours", settings.node.ae_title, settings.node.host, str(settings.node.port)), *remote],
                    )
                ],
            ),
            Section(
                title="Parameters of the node",
                blocks=[Table(columns=("Setting", "Value", "Meaning"), rows=parameters)],
            ),
        ],
    )


def _shown(key: str, value: object) -> str:
    if key in _HIDDEN:
        return "not set" if value is None else "set"
    return f"`{value}`"
