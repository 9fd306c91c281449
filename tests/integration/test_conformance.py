"""The conformance statement against the node that runs with the same settings: what is listed is accepted, no more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import AllTransferSyntaxes, ExplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, build_context, build_role
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
    Verification,
)

from tests.conftest import migrated
from tests.peers import free_port, hilum, settings_file

MOST_CONTEXTS = 120
OTHERS = (
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
    Verification,
)
PEERS = [
    {"name": "xray", "ae_title": "XRAY1", "host": "127.0.0.1", "port": 1, "may_send": True},
    {"name": "desk", "ae_title": "DESK", "host": "127.0.0.1", "port": 1, "reads_worklist": True},
]


@dataclass(frozen=True, kw_only=True)
class Node:
    """A running node, and its settings."""

    config: Path
    port: int


@pytest.fixture(scope="module")
def node(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A running node."""
    folder = tmp_path_factory.mktemp("conformance")
    with migrated(embedded_url) as engine:
        url = engine.url.render_as_string(hide_password=False)
        port = free_port()
        file = settings_file(folder, home=str(folder / "home"), database={"url": url}, node={"port": port}, peers=PEERS)
        with hilum(file, "node") as started:
            started.wait_until("node-ready")
            yield Node(config=file, port=port)


@pytest.fixture(scope="module")
def statement(node: Node) -> dict[str, Any]:
    """The statement, as a program gets it."""
    command = [sys.executable, "-m", "hilum", "--config", str(node.config), "conformance", "--format", "json"]
    made: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return made


def listed(statement: dict[str, Any], title: str) -> set[tuple[str, str]]:
    """Return pairs of abstract and transfer syntax of a section."""
    section = next(one for one in sections(statement) if one["title"] == title)
    rows = section["blocks"][0].get("rows", [])
    return {(row[1], line.partition(" ")[0]) for row in rows for line in row[2].split("\n")}


def sections(of: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every section, at any depth."""
    for one in of.get("sections", []):
        yield one
        yield from sections(one)


def accepted(port: int, calling: str, pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Ask the node for presentation contexts of one transfer syntax each; return those that it accepts."""
    entity = AE(ae_title=calling)
    found: set[tuple[str, str]] = set()
    wanted = sorted(pairs)
    for start in range(0, len(wanted), MOST_CONTEXTS):
        contexts = [build_context(abstract, syntax) for abstract, syntax in wanted[start : start + MOST_CONTEXTS]]
        association = entity.associate("127.0.0.1", port, contexts=contexts)
        assert association.is_established or association.rejected_contexts
        found |= {(str(one.abstract_syntax), str(one.transfer_syntax[0])) for one in association.accepted_contexts}
        if association.is_established:
            association.release()
    return found


@pytest.mark.parametrize("calling", ["XRAY1", "DESK"])
def test_the_node_accepts_what_is_listed_and_nothing_else(node: Node, statement: dict[str, Any], calling: str) -> None:
    """Every storage class there is, further services, and the listed classes in every transfer syntax are asked for."""
    ours = listed(statement, "What the node accepts")
    readers = listed(statement, "What is accepted from readers of the worklist beside it")
    everything = {(str(one.abstract_syntax), ExplicitVRLittleEndian) for one in AllStoragePresentationContexts}
    everything |= {(str(one), ExplicitVRLittleEndian) for one in OTHERS}
    everything |= {(abstract, syntax) for abstract, _ in ours | readers for syntax in AllTransferSyntaxes}
    assert accepted(node.port, calling, everything) == (ours | readers if calling == "DESK" else ours)


def test_roles_are_negotiated_where_it_is_listed(node: Node, statement: dict[str, Any]) -> None:
    """Who answers a question of ours may be the provider; for films the node is the provider alone."""
    section = next(one for one in sections(statement) if one["title"] == "What the node accepts")
    by_selection = {row[1] for row in section["blocks"][0]["rows"] if row[4] == "Role selection"}
    classes = [row[1] for row in section["blocks"][0]["rows"]]
    association = AE(ae_title="XRAY1").associate(
        "127.0.0.1",
        node.port,
        contexts=[build_context(one, ExplicitVRLittleEndian) for one in classes],
        ext_neg=[build_role(one, scu_role=True, scp_role=True) for one in classes],
    )
    may_provide = {str(one.abstract_syntax) for one in association.accepted_contexts if one.as_scp}
    association.release()
    assert may_provide == by_selection != set()
