"""The process that takes final reports: its answers, what it keeps, and what it never tells."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from db import embedded
from db.engine import connect, transaction
from db.intake import PostgresIntake
from db.upgrade import upgrade
from domain.subject import StudyIdentity
from tests.conftest import migrated, new_database
from tests.fakes import received
from tests.peers import Hilum, free_port, hilum, settings_file, wait_for
from tests.report_sender import SECRET_ID, SECRET_NAME, conversation, report, tell
from tests.ris_peer import END, START

TEXT = "The patient Sekret has pneumonia."


@dataclass
class Taking:
    """A process that takes reports, and its database."""

    hilum: Hilum
    port: int
    engine: Engine

    def kept(self) -> list[tuple[str, str]]:
        """Return what was reported of PNEUMONIA, by study."""
        query = "SELECT study_instance_uid, pneumonia FROM assessments JOIN studies ON studies.id = study_id ORDER BY 1"
        with transaction(self.engine) as connection:
            return [(row[0], row[1]) for row in connection.execute(text(query))]

    def messages(self) -> list[tuple[int, int]]:
        """Return how many reports of each message were filed, and how many found no study."""
        with transaction(self.engine) as connection:
            rows = connection.execute(text("SELECT filed, unknown FROM report_messages ORDER BY id"))
            return [(row[0], row[1]) for row in rows]


def receive(engine: Engine, *studies: int) -> None:
    for study in studies:
        identity = StudyIdentity(patient_id=f"P{study}", accession_number=f"A{study}")
        intake = PostgresIntake(engine, quiet=timedelta(0), max_attempts=3)
        intake.record(replace(received(study=study), identity=identity))
        intake.close()


@contextmanager
def taking_reports(folder: Path, engine: Engine) -> Iterator[Taking]:
    port = free_port()
    config = settings_file(
        folder,
        home=str(folder / "home"),
        database={"url": engine.url.render_as_string(hide_password=False)},
        final_reports={"port": port},
    )
    with hilum(config, "final-reports") as running:
        running.wait_until("final-reports-ready")
        yield Taking(hilum=running, port=port, engine=engine)


@pytest.fixture
def taking(embedded_url: str, tmp_path: Path) -> Iterator[Taking]:
    """With two studies that came."""
    with migrated(embedded_url) as engine:
        receive(engine, 1, 2)
        with taking_reports(tmp_path, engine) as running:
            yield running


def test_what_is_accepted_is_kept(taking: Taking) -> None:
    """When AA comes, the row is there; a second message on the connection is another report."""
    with conversation(taking.port) as talk:
        assert talk.ask(report(TEXT, study="2.25.1", accession="")) == "AA"
        assert taking.kept() == [("2.25.1", "present")]
        assert talk.ask(report("No pneumonia.", accession="A2", patient="P2", control="M2")) == "AA"
        assert taking.kept() == [("2.25.1", "present"), ("2.25.2", "absent")]


def test_what_is_sent_again_counts_once(taking: Taking) -> None:
    """And is accepted again, since its sender did not hear the first answer."""
    assert [tell(taking.port, report(TEXT)) for _ in range(2)] == ["AA", "AA"]
    assert taking.messages() == [(1, 0)]


def test_a_correction_takes_the_place_of_the_report(taking: Taking) -> None:
    """A preliminary one changes nothing."""
    tell(taking.port, report(TEXT))
    tell(taking.port, report("No pneumonia.", status="P", control="M2"))
    assert taking.kept() == [("2.25.1", "present")]
    tell(taking.port, report("No pneumonia.", status="C", control="M3"))
    assert taking.kept() == [("2.25.1", "absent")]


def test_a_report_of_an_unknown_study_is_accepted_and_counted(taking: Taking) -> None:
    """The RIS can do nothing about it."""
    assert tell(taking.port, report(TEXT, accession="A404", patient=SECRET_ID)) == "AA"
    assert taking.kept() == []
    assert taking.messages() == [(0, 1)]


def test_garbage_is_rejected_and_the_next_report_is_taken(taking: Taking) -> None:
    """On the same connection."""
    with conversation(taking.port) as talk:
        for garbage in (b"\xff\xfe\x00", b"", b"MSH|^~\\&", report(TEXT).replace(b"ORU^R01", b"ADT^A08")):
            assert talk.ask(garbage) == "AR"
        talk.connection.sendall(b"no frame at all" + START + report(TEXT) + END)
        assert talk.hear() == "MSA|AA|M1"
    assert taking.kept() == [("2.25.1", "present")]


def test_neither_log_nor_database_holds_what_was_written(taking: Taking) -> None:
    """Whatever came of the report: no name, no number, no word of its text."""
    for number, accession in enumerate(("A1", "A404")):
        tell(taking.port, report(TEXT, accession=accession, patient="P1", control=f"M{number}"))
    tell(taking.port, report(TEXT, control="").replace(b"OBX", b"O\xffX"))
    log = taking.hilum.log.read_text()
    assert "report-filed" in log
    with transaction(taking.engine) as connection:
        tables = "SELECT string_agg(a::text, '') || (SELECT string_agg(m::text, '') FROM report_messages AS m)"
        rows = connection.execute(text(f"{tables} FROM assessments AS a")).scalar_one()
    words = (SECRET_NAME, "Sekret", "A404", "The patient", "P1")
    assert [word for word in words if word in log or word in rows] == []


def test_a_database_that_is_away_lets_the_sender_try_again() -> None:
    """AE, and after it is back AA; no report is lost."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hilum-pg-")))
        data = folder / "postgresql"
        address = stack.enter_context(stopping(data))
        engine = connect(address, role="test")
        stack.callback(engine.dispose)
        upgrade(engine)
        receive(engine, 1)
        taking = stack.enter_context(taking_reports(folder, engine))
        embedded.stop(data)
        assert tell(taking.port, report(TEXT)) == "AE"
        embedded.start(data)
        wait_for(lambda: tell(taking.port, report(TEXT)) == "AA")
        engine.dispose()
        assert taking.kept() == [("2.25.1", "present")]
        assert taking.messages() == [(1, 0)]


@contextmanager
def stopping(data: Path) -> Iterator[str]:
    """A database on a server of its own, which is stopped at the end."""
    try:
        with new_database(embedded.start(data)) as address:
            yield address
    finally:
        embedded.stop(data)


def test_it_ends_when_it_is_told_to(taking: Taking) -> None:
    """With a sender connected."""
    with conversation(taking.port) as talk:
        talk.ask(report(TEXT))
        assert taking.hilum.stop() == 0
    assert taking.hilum.events()[-1]["event"] == "final-reports-stopped"


def test_without_a_port_it_says_why_it_does_not_run(tmp_path: Path) -> None:
    """Exit status 2, as for any setting that is wrong."""
    config = settings_file(tmp_path, home=str(tmp_path / "home"))
    with hilum(config, "final-reports") as running:
        assert running.process.wait(60) == 2
    assert "final_reports.port" in running.log.read_text()
