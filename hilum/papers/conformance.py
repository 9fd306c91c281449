"""The DICOM conformance statement, in the outline of PS3.2, from the settings in force and the tables of the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node import conformance, samples
from dicom_node.audit_message import audit_events
from dicom_node.media import Outcome
from dicom_node.objects import KINDS
from dicom_node.status import StoreStatus
from dicom_node.terms import coded_terms
from dicom_node.web_door import WebFailure
from dicom_node.web_library import RETURNED
from domain.delivery import ResultObject
from domain.findings import DISCLAIMER
from domain.paper import Listing, Paper, Section, Table, Text
from hilum import __version__
from hilum.couriers import report_settings
from hilum.papers import networking
from hilum.papers.cover import cover
from web import services

if TYPE_CHECKING:
    from datetime import date

    from domain.paper import Block
    from hilum.settings import Settings

TITLE = "DICOM conformance statement"
_TEMPLATES = (
    ("TID 1500", "Measurement Report", "report"),
    ("TID 1501", "Measurement and Qualitative Evaluation Group", "report"),
    ("TID 1600", "Image Library", "report"),
    ("TID 4019", "Algorithm Identification", "report"),
    ("TID 1004", "Device Observer Identifying Attributes", "report, selection"),
    ("TID 2010", "Key Object Selection", "selection"),
)


def statement(settings: Settings, made_on: date | None) -> Paper:
    """Return the statement."""
    return Paper(
        title=TITLE,
        about=f"Hilum takes chest X-rays from the PACS and gives results back. {DISCLAIMER}",
        cover=cover(settings, made_on),
        sections=[
            _overview(settings),
            _introduction(),
            networking.chapter(settings),
            _media(),
            _character_sets(),
            _security(settings),
            _web(settings),
            _annexes(settings),
        ],
    )


def _overview(settings: Settings) -> Section:
    readers = "yes" if any(peer.reads_worklist for peer in settings.peers) else "off"
    created = [
        (one.value, kind.name, _names(conformance.proposed_contexts(conformance.delivery([one]))))
        for one, kind in KINDS.items()
    ]
    return Section(
        title="Conformance statement overview",
        blocks=[
            Text(
                text=f"Hilum {__version__} is an application entity that stores chest X-rays, classifies each study by "
                "a neural network, and sends objects about the result to peers. It makes structured reports, and where "
                "routes say so secondary captures, presentation states, key object selections and encapsulated PDF."
            ),
            Table(
                caption="Network services",
                columns=("Service", "User (SCU)", "Provider (SCP)"),
                rows=[
                    ("Verification", "yes", "yes"),
                    ("Storage of CR and DX films", "no", "yes"),
                    ("Storage of results", "yes", "no"),
                    ("Storage Commitment Push Model", "yes", "yes"),
                    ("Study Root Query/Retrieve, FIND, GET, MOVE", "yes", "no"),
                    (
                        "Unified Procedure Step, Pull and Query",
                        "no",
                        readers,
                    ),
                    ("Modality Worklist, MPPS, Print", "no", "no"),
                ],
            ),
            Table(
                caption="Objects that are made", columns=("Object", "Name", "SOP classes, the best first"), rows=created
            ),
            Table(
                caption="DICOMweb services",
                columns=("Service", "User agent", "Origin server"),
                rows=[(name, "no", "yes" if settings.web.port else "off") for name in _web_names()],
            ),
            Table(
                caption="Media services",
                columns=("Service", "Role"),
                rows=[("Files, folders, DICOMDIR and zip archives of films (`hilum import`)", "File-set Reader")],
            ),
        ],
    )


def _names(contexts: Table) -> str:
    return "\n".join(row[0] for row in contexts.rows)


def _web_names() -> list[str]:
    found = [row[2].rpartition("(")[2].rstrip(")") for row in services.offered().rows if "-RS)" in row[2]]
    return list(dict.fromkeys(found))


def _introduction() -> Section:
    return Section(
        title="Introduction",
        sections=[
            Section(
                title="Audience",
                blocks=[Text(text="Those who connect Hilum with modalities, a PACS, workstations and other programs.")],
            ),
            Section(
                title="Remarks",
                blocks=[
                    Text(
                        text="This statement is made by `hilum conformance` from the tables that the program works "
                        "with and from the settings in force. It does not promise that two systems understand each "
                        "other: try it with yours, before films of patients go over it."
                    ),
                    Text(
                        text="Its outline is the one of PS3.2 with a chapter for each of networking, media, character "
                        "sets and security. It is a document of the site; nobody has certified it."
                    ),
                ],
            ),
            Section(
                title="Terms",
                blocks=[
                    Listing(
                        points=[
                            "AE: application entity. SCU, SCP: user and provider of a service class.",
                            "ALWAYS, EMPTY: the attribute has a value, has none.",
                            "VNAP, ANAP: where the film has no value, the attribute is empty, is not there.",
                            "Film: an image of a SOP class that is accepted. Peer: a system of the settings.",
                        ]
                    )
                ],
            ),
            Section(
                title="References",
                blocks=[
                    Text(text="DICOM PS3.2 to PS3.8, PS3.10, PS3.15, PS3.16 and PS3.18; BCP 195; RFC 5424 and 5425.")
                ],
            ),
        ],
    )


def _media() -> Section:
    outcomes = [(one.value, "yes" if one.is_failure else "no") for one in Outcome]
    return Section(
        title="Media interchange",
        blocks=[
            Text(
                text="`hilum import` reads media, and writes none. There is no application profile: what counts is the "
                "SOP class and the transfer syntax of each file. Files without preamble are read, and files that no "
                "DICOMDIR names; other SOP classes are passed over."
            ),
            conformance.film_classes(),
            conformance.film_syntaxes(),
            Table(columns=("What becomes of a file", "Told as a failure"), rows=outcomes),
        ],
    )


def _character_sets() -> Section:
    return Section(
        title="Support of character sets",
        blocks=[
            Text(
                text="Films are kept in their own Specific Character Set. For worklists and messages their texts are "
                "decoded: ASCII, the ISO 8859 sets, Japanese and Korean with escape sequences, GB18030, GBK and UTF-8. "
                "Objects that are made are in ISO_IR 100 where all their text is ASCII, else in ISO_IR 192. Items of "
                "the reading worklist are in ISO_IR 192."
            )
        ],
    )


def _security(settings: Settings) -> Section:
    node, audit = settings.node, settings.audit
    secure: list[Block] = [Text(text="There is no TLS port in these settings: DICOM goes over the wire as it is.")]
    if node.tls_port:
        needs = "A client must have" if node.tls_client_authorities else "A client need not have"
        secure = [Text(text=f"Port `{node.tls_port}`. {needs} a certificate."), conformance.tls()]
    place = f"to `{audit.syslog_host}:{audit.syslog_port}`" if audit.syslog_host else "nowhere"
    return Section(
        title="Security",
        sections=[
            Section(title="Secure transport, of what others open", blocks=secure),
            Section(
                title="Secure transport, of what we open",
                blocks=[Text(text="Associations to peers are without TLS. Use a trusted network, or a tunnel.")],
            ),
            Section(
                title="Audit trail",
                blocks=[
                    Text(
                        text="What people and programs do on the pages and by DICOMweb is recorded in the database. It "
                        "can be sent as audit messages of PS3.15 A.5 by syslog over TLS (RFC 5425; PS3.15 A.6); in "
                        f"these settings it is sent {place}."
                    ),
                    Table(columns=("Action", "Event (CID 400)", "Type (CID 401)", "Action code"), rows=audit_events()),
                ],
            ),
            Section(
                title="De-identification, digital signatures, user identity",
                blocks=[
                    Text(
                        text="What is received and sent is not de-identified. The command `hilum deidentify` writes "
                        "files by the Basic Application Level Confidentiality Profile of PS3.15, with the options "
                        "113107 and 113108 (CID 7050) where asked; pixels are not cleaned. Uploads on the page are "
                        "stripped of listed attributes; that is no complete de-identification."
                    )
                ],
            ),
        ],
    )


def _web(settings: Settings) -> Section:
    port = settings.web.port
    where = f"The web server listens on port `{port}`." if port else "There is no web server in these settings."
    keys = [(level, ", ".join(keywords)) for level, keywords in RETURNED.items()]
    return Section(
        title="DICOMweb",
        blocks=[
            Text(text=f"{where} Each program has a bearer token of its own (RFC 6750), with rights."),
            services.offered(),
            services.media_types(),
            Text(text="Attributes that a search returns; each is a key, and further ones may be named:"),
            Table(columns=("Level", "Attributes"), rows=keys),
            Text(text="Failure Reason (0008,1197) of films that STOW-RS does not take:"),
            conformance.statuses(WebFailure, StoreStatus),
            Text(text="Files are in Explicit VR Little Endian. There are no bulk data, frames or rendered forms."),
        ],
    )


def _annexes(settings: Settings) -> Section:
    own = report_settings(settings)
    objects = [one for one in ResultObject if one in KINDS]
    private = [one.value for one in objects if samples.has_private(samples.sample(one, own))]
    trees: dict[ResultObject, list[Block]] = {
        one: [Text(text="Content of a positive result:"), samples.content_tree(samples.sample(one, own))]
        for one in (ResultObject.REPORT, ResultObject.SELECTION)
    }
    return Section(
        title="Annexes",
        sections=[
            Section(
                title="IOD contents",
                blocks=[Text(text="Read off objects that the program makes of an invented film.")],
                sections=[
                    Section(
                        title=f"{KINDS[one].name[:1].upper()}{KINDS[one].name[1:]}",
                        blocks=[samples.attributes(one, own), *trees.get(one, [])],
                    )
                    for one in objects
                ],
            ),
            Section(
                title="Coded terminology and templates",
                blocks=[
                    Table(columns=("Template", "Name", "In"), rows=_TEMPLATES),
                    coded_terms(),
                    Text(text="There are no private codes in these objects. Codes are not configurable."),
                ],
            ),
            Section(
                title="Private attributes",
                blocks=[Text(text=f"Objects that are made with private attributes: {', '.join(private) or 'none'}.")],
            ),
            Section(
                title="Extensions and specialisations",
                blocks=[
                    Text(
                        text="Device UID (0018,1002) stands in Contributing Equipment Sequence, where the IOD does not "
                        "have it: a Standard Extended SOP class. Otherwise the SOP classes are standard ones."
                    )
                ],
            ),
        ],
    )
