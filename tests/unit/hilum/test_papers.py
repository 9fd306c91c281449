"""The papers that hospitals ask for: what they say of the settings, and what they must not say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from domain.delivery import ResultObject
from domain.paper import Table
from hilum.cli import hilum
from hilum.given_settings import given
from hilum.papers.flows import FlowKind, connections
from hilum.papers.rendering import FORMATS, rendered
from hilum.papers.shelf import PAPERS
from hilum.papers.threats import threats
from models.package import load_package
from tests.papers import PACS, SECRET, blocks, everything, full


def conformance(**values: object) -> str:
    return rendered(PAPERS["conformance"].make(given(home="/nonexistent", **values), None), "markdown")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", PAPERS)
def test_no_secret_is_on_any_paper(name: str, form: str) -> None:
    """Passwords, keys, names of key files, addresses of webhooks, hashes of tokens."""
    text = rendered(full(name), form)
    assert len(text) > 1000
    assert [one for one in (SECRET, "ab" * 32, "hooks.example.org") if one in text] == []


@pytest.mark.parametrize("name", PAPERS)
def test_a_page_needs_nothing_beside_itself(name: str) -> None:
    """No script, no style sheet, no picture from elsewhere."""
    assert re.findall(r"<script|<link|<img|src=|url\((?!#)|@import", rendered(full(name), "html")) == []


def test_text_of_the_settings_is_no_markup() -> None:
    """A peer may be called anything, within limits; its host is free text."""
    peer = {**PACS, "host": "<b>|`x`", "ae_title": "A|<i>"}
    paper = PAPERS["network"].make(given(peers=[peer]), None)
    assert "<b>" not in rendered(paper, "html")
    assert "<b>\\|" in rendered(paper, "markdown")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"node": {"ae_title": "LUNGS"}}, "`LUNGS`"),
        ({"node": {"port": 104}}, "| 127.0.0.1 | 104 | none |"),
        ({"node": {"maximum_associations": 7}}, "| Associations accepted at the same time | 7 |"),
        ({"node": {"on_conflict": "reject"}}, "| node.on_conflict | `reject` |"),
        ({"node": {"tls_port": 2762}}, "Port `2762`. A client need not have a certificate."),
        ({"peers": [PACS]}, "| pacs | PACS | pacs.example.org | 104 |"),
        ({"peers": [PACS]}, "| Unified Procedure Step - Pull SOP Class | 1.2.840.10008.5.1.4.34.6.3 |"),
        ({"web": {"port": 0}}, "There is no web server in these settings."),
        ({"report": {"series_number": 77}}, "`77`"),
    ],
)
def test_a_changed_setting_changes_the_conformance_statement(values: dict[str, object], said: str) -> None:
    """It is of this installation."""
    assert said in conformance(**values)
    assert said not in conformance()


def test_every_object_that_is_made_is_described() -> None:
    """The attributes of each, of its own SOP class, and none of them private."""
    text = rendered(full("conformance"), "markdown")
    tables = [block for block in blocks(full("conformance")) if isinstance(block, Table)]
    classes = {row[4] for table in tables for row in table.rows if row[0] == "SOP Class UID" and len(row) == 5}
    assert len(classes) == len(ResultObject) - 1  # a message is no object of DICOM
    assert "Objects that are made with private attributes: none." in text


def test_every_kind_of_connection_has_its_threats() -> None:
    """And no threat is of a connection that there is not."""
    made = {one.kind for one in connections(everything())}
    told = {one["flow"] for one in threats()}
    assert made == set(FlowKind)
    assert told == {*FlowKind, "models", "machine"}


def test_what_is_not_encrypted_is_told() -> None:
    """Beyond this machine: from a peer, to a peer, and the plain web server."""
    open_ways = {one.place for one in connections(everything()) if not one.is_encrypted}
    watched = {"0.0.0.0:9101", "0.0.0.0:9102 to 9117", "0.0.0.0:9103", "0.0.0.0:9104", "traces.example.org:4318"}
    expected = {"0.0.0.0:11112", "0.0.0.0:11180", "0.0.0.0:2575", "pacs.example.org:104"}
    assert open_ways == expected | watched


def test_nothing_is_told_to_others_unless_it_is_set() -> None:
    """Of telemetry the sheet says that there is none, and where it goes where there is."""
    said = [rendered(paper, "markdown") for paper in (PAPERS["network"].make(given(), None), full("network"))]
    assert ["no telemetry" in one for one in said] == [True, False]
    assert "traces.example.org:4318" in said[1]


def test_nothing_leaves_a_machine_by_default() -> None:
    """The node and the pages listen on the loopback, the database on a socket."""
    found = connections(given())
    assert [one.comes_in for one in found] == [True, True, False]
    assert {one.encryption for one in found} == {"does not leave the machine"}


@pytest.mark.parametrize(
    ("mode", "encryption"),
    [("disable", "none"), ("prefer", "TLS only where the server offers it (sslmode prefer)"), ("require", "TLS")],
)
def test_the_database_is_as_safe_as_its_address_asks_for(mode: str, encryption: str) -> None:
    """By default libpq takes what the server offers."""
    (found,) = (
        one
        for one in connections(given(database={"url": f"postgresql://db/hilum?sslmode={mode}"}))
        if one.kind is FlowKind.DATABASE
    )
    assert found.encryption.startswith(encryption)
    assert found.is_encrypted is (mode == "require")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql:///hilum?host=db.example.org", "db.example.org:5432"),
        ("postgresql:///hilum?host=/run", "Unix socket"),
    ],
)
def test_the_database_is_where_its_parameters_say(url: str, place: str) -> None:
    """A host may stand among them; one that is a folder is a socket's."""
    assert place in [one.place for one in connections(given(database={"url": url}))]


def test_figures_are_those_of_the_card() -> None:
    """Every row of its tables, word by word."""
    card = load_package().card.read_text()
    chapter = card.partition("## Figures on sources it never saw")[2].partition("\n## ")[0]
    rows = [line for line in chapter.splitlines() if line.startswith("|") and "---" not in line]
    text = rendered(full("risk"), "markdown")
    assert len(rows) > 3
    assert [row for row in rows if row not in text] == []


def test_the_ihe_statement_claims_nothing() -> None:
    """Nobody has been at a Connectathon; each profile says why."""
    text = rendered(full("ihe"), "markdown")
    assert "## 1 Actors that are claimed\n\nNone." in text
    table = next(block for block in blocks(full("ihe")) if isinstance(block, Table))
    assert all(row[3] for row in table.rows)


def test_messages_are_described_by_a_message() -> None:
    """The fields of the table are those that the example fills, with what it fills them."""
    tables = [block for block in blocks(full("hl7")) if isinstance(block, Table)]
    fields = next(table for table in tables if table.columns[0] == "Field")
    assert {"MSH-10", "PID-3", "OBR-18", "OBX-9", "TQ1-9"} <= {row[0] for row in fields.rows}
    acknowledged = next(table for table in tables if table.columns == ("MSA-1", "Name", "What is done"))
    assert [row[2].split()[1] for row in acknowledged.rows] == ["message", "is", "job", "message", "is", "job"]


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(hilum, [*map(str, arguments)])
    return done.exit_code, done.output


def test_all_papers_are_written(tmp_path: Path) -> None:
    """Into a folder that is made; each as it was asked for, the bill of materials in its own format."""
    status, _ = run("papers", "write", tmp_path / "new", "--format", "json")
    assert status == 0
    written = {file.name for file in (tmp_path / "new").iterdir()}
    assert written == {*(f"{name}.json" for name in PAPERS), "sbom.cdx.json"}
    assert json.loads((tmp_path / "new" / "risk.json").read_text())["title"] == "Risk notes"


def test_papers_are_listed() -> None:
    """With what each is."""
    status, text = run("papers", "list")
    assert status == 0
    assert [line.split()[0] for line in text.splitlines()] == [*PAPERS, "sbom"]


def test_a_file_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    """There is a file where a folder is needed."""
    (tmp_path / "taken").write_text("")
    done = CliRunner().invoke(hilum, ["papers", "show", "ihe", "--output", str(tmp_path / "taken" / "ihe.md")])
    assert "can't be written" in str(done.exception)
