"""`hilum forget`: what is left of a patient in the whole database and the whole folder is nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydicom import Dataset
from sqlalchemy import inspect, text

from db.audit import PostgresAuditTrail
from db.engine import transaction
from db.study_view import PostgresStudyViews
from domain.audit import AuditAction, AuditEvent
from domain.findings import Label
from domain.report_phrases import Statement
from domain.study_view import answered
from hilum.cli import hilum
from tests.films import copy_of
from tests.retained import Retained
from tests.study_pages import Ward, bundled, ward

NAME, PATIENT, ACCESSION = "Quittenbaum^Anna", "PID-77031", "ACC-88112"
OTHER = "PID-OTHER"
FILM, SECOND = "PNEUMONIA/person1175_bacteria_3122.jpg", "NORMAL/IM-0213-0001.jpg"
_EVERYWHERE = """
INSERT INTO workitems (uid, study_id, priority, suggested, expires_at, changes)
SELECT '2.25.404', id, 1, 1, now(), jsonb_build_object('name', CAST(:name AS text)) FROM studies WHERE id = :study;
INSERT INTO gaps (peer, study_instance_uid, study_date, films, missing, kind)
SELECT 'pacs', study_instance_uid, '20260101', 1, 1, 'missing' FROM studies WHERE id = :study;
INSERT INTO commitments (peer, transaction_uid, referenced)
SELECT 'xray', '2.25.405', jsonb_build_array(jsonb_build_array(sop_class_uid, sop_instance_uid))
FROM instances JOIN series ON series.id = series_id WHERE study_id = :study LIMIT 1;
INSERT INTO uploads (account_id, study_id, kind, size_bytes, is_to_read)
SELECT min(accounts.id), :study, 'DICOM', 1, false FROM accounts;
UPDATE deliveries SET comment = :name;
"""
"""What other parts of Hilum would write about the study."""


@dataclass
class Traces:
    """An installation with a patient in every corner of it."""

    ward: Ward
    home: Path
    words: list[str]
    uids: list[str]

    def command(self, *arguments: str) -> Result:
        """Run a command of Hilum's."""
        return CliRunner().invoke(hilum, ["--config", str(self.home.with_name("hilum.toml")), *arguments])

    def found(self) -> dict[str, set[str]]:
        """Return the tables and files in which something of the patient stands."""
        traces: dict[str, set[str]] = {}
        with transaction(self.ward.engine) as connection:
            for table in inspect(self.ward.engine).get_table_names():
                rows = connection.execute(text(f'SELECT t::text FROM "{table}" AS t')).scalars().all()
                traces[table] = {one for one in [*self.words, *self.uids] if one in "\n".join(rows)}
        for folder, _, names in os.walk(self.home):
            for name in names:
                content = (Path(folder) / name).read_bytes()
                traces[f"{folder}/{name}"] = {
                    one for one in [*self.words, *self.uids] if one.encode() in content or one in name
                }
        return {place: found for place, found in traces.items() if found}


def of_patient(patient: str, accession: str, picture: str = FILM, **more: str) -> Dataset:
    """Return a film."""
    return bundled(
        picture,
        patient_id=patient,
        patient_name=NAME if patient == PATIENT else "Anders^Otto",
        accession_number=accession,
        **more,
    )


@contextmanager
def visited(url: str, folder: Path) -> Iterator[Traces]:
    """Open an installation with films, a content kept aside, results, deliveries, a comment, an upload, and more."""
    with ward(url, folder) as place:
        inside = Retained(place.engine, folder / "home" / "spool")
        first = of_patient(PATIENT, ACCESSION)
        changed = copy_of(first)
        changed.StudyDescription = "changed"
        study = place.receive(first, changed)
        inside.run("UPDATE jobs SET run_after = now()")
        inside.classify("pacs")
        inside.deliver()
        late = of_patient(PATIENT, ACCESSION, SECOND, study_uid=str(first.StudyInstanceUID))
        place.receive(late)
        inside.run("UPDATE jobs SET run_after = now()")
        inside.classify("pacs", "archive")
        said = answered({Label.NORMAL: Statement.PRESENT}, comment=NAME)
        PostgresStudyViews(place.engine).assess(study, said, assessor="radiologist", comment=NAME)
        inside.run(_EVERYWHERE, study=study, name=NAME)
        uids = [str(one) for one in (first.StudyInstanceUID, first.SeriesInstanceUID)]
        uids += [str(one.SOPInstanceUID) for one in (first, late)]
        seen = AuditEvent(actor="radiologist", role="radiologist", action=AuditAction.VIEW, object=f"{uids[0]} film 1")
        PostgresAuditTrail(place.engine).record(seen)
        place.receive(of_patient(OTHER, "ACC-OTHER"))
        words = [NAME, PATIENT, ACCESSION, "Quittenbaum"]
        yield Traces(ward=place, home=folder / "home", words=words, uids=uids)


@dataclass
class Forgotten:
    """An installation before and after the command."""

    traces: Traces
    before: dict[str, set[str]]
    done: Result
    after: dict[str, set[str]]

    @property
    def told(self) -> dict[str, Any]:
        """The certificate."""
        told: dict[str, Any] = json.loads(self.done.stdout)
        return told


@pytest.fixture(scope="module")
def untouched(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traces]:
    """An installation in which nobody is erased."""
    with visited(embedded_url, tmp_path_factory.mktemp("ward")) as traces:
        yield traces


@pytest.fixture(scope="module")
def forgotten(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forgotten]:
    """One in which somebody was."""
    with visited(embedded_url, tmp_path_factory.mktemp("ward")) as traces:
        before = traces.found()
        done = traces.command("forget", PATIENT, "--even-undelivered", "--yes", "--json")
        yield Forgotten(traces=traces, before=before, done=done, after=traces.found())


def test_nothing_is_left_but_what_is_said(forgotten: Forgotten) -> None:
    """Every row of every table, and every file; the audit trail names the Study Instance UID, and nobody."""
    before, traces = forgotten.before, forgotten.traces
    assert {"study_identities", "assessments", "workitems", "gaps", "commitments", "deliveries"} <= set(before)
    assert len([place for place in before if "/spool/" in place]) == 3
    assert forgotten.done.exit_code == 0
    assert forgotten.after == {"audit_events": {traces.uids[0]}}
    with transaction(traces.ward.engine) as connection:
        left = connection.execute(text("SELECT patient_id FROM study_identities")).scalars().all()
    assert left == [OTHER]


def test_the_certificate_says_what_was_and_what_is_elsewhere(forgotten: Forgotten) -> None:
    """Without naming the patient."""
    told, traces = forgotten.told, forgotten.traces
    assert told["erased"] == {
        "studies": 1, "films": 2, "conflicts": 1, "results": 2, "deliveries": 3, "worklist_items": 1,
        "assessments": 1, "uploads": 1, "jobs": 5,
    }  # fmt: skip
    assert [(one["peer"], one["object"], one["count"]) for one in told["elsewhere"]] == [("pacs", "report", 1)]
    assert any("1 records of the audit trail" in one for one in told["not_erased"])
    assert not [word for word in [*traces.words, *traces.uids] if word in json.dumps(told)]


def test_the_certificates_key_proves_whom_the_record_is_about(forgotten: Forgotten) -> None:
    """And the trail is unbroken."""
    told = forgotten.told
    mark = hmac.new(bytes.fromhex(told["hmac_key"]), f"\n{PATIENT}".encode(), hashlib.sha256).hexdigest()
    trail = PostgresAuditTrail(forgotten.traces.ward.engine)
    (record,) = [one for one in trail.records() if one.id == told["audit_record"]]
    assert (told["patient_hmac_sha256"], record.hash) == (mark, told["audit_hash"])
    assert mark in record.event.object
    assert forgotten.traces.command("audit", "verify").exit_code == 0


def test_without_a_yes_nothing_happens(untouched: Traces) -> None:
    """A dry run tells; undelivered results are in the way; nobody who answers is a refusal."""
    before = untouched.found()
    dry = untouched.command("forget", PATIENT, "--dry-run")
    assert (dry.exit_code, "1 studies" in dry.stdout, "not delivered yet" in dry.stdout) == (0, True, True)
    refused = untouched.command("forget", PATIENT, "--yes")
    assert (refused.exit_code, "--even-undelivered" in str(refused.exception)) == (1, True)
    assert "--yes" in str(untouched.command("forget", PATIENT, "--even-undelivered").exception)
    assert untouched.found() == before


def test_who_is_not_here_is_told_so(untouched: Traces) -> None:
    """Exit status 1; and nobody at all is refused."""
    done = untouched.command("forget", "PID-404", "--yes")
    assert (done.exit_code, done.stdout) == (1, "There is nothing about this patient here.\n")
    assert untouched.command("forget").exit_code == 2
