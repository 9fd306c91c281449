"""Rows of studies with results, deliveries and reports, as if all had happened at a given time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from db.engine import transaction

_STUDY = text("""
WITH study AS (
    INSERT INTO studies (study_instance_uid, received_at, last_received_at)
    SELECT '2.25.' || (count(*) + 1), :at, :at FROM studies RETURNING id, study_instance_uid AS uid
),
row AS (
    INSERT INTO series (study_id, series_instance_uid, modality) SELECT id, uid || '.1', 'DX' FROM study RETURNING id
),
film AS (
    INSERT INTO instances (series_id, sop_instance_uid, sop_class_uid, transfer_syntax_uid, digest, size_bytes, path,
        calling_ae_title, received_at)
    SELECT row.id, uid || '.1.1', '1', '1', uid, 1000, uid, :sender, :at FROM row, study RETURNING id
),
whom AS (
    INSERT INTO study_identities (study_id, station_name) SELECT id, :station FROM study
)
SELECT study.id AS study, film.id AS film FROM study, film
""")
_NETWORK = text("""
INSERT INTO model_versions (name, version, sha256, undetermined_below, covid19_from)
VALUES ('chest', :version, :version, 0.5, 0.5) ON CONFLICT DO NOTHING
""")
_RESULT = text("""
WITH result AS (
    INSERT INTO findings (study_id, model_version_id, input_digest, outcome, label, probabilities, analysed_instance_id,
        created_at)
    SELECT :study, id, :digest, :outcome, :label, jsonb_build_object(
            'COVID19', CAST(:covid19 AS float), 'NORMAL', CAST(:normal AS float), 'PNEUMONIA', CAST(:pneumonia AS float)
        ), :film, :at
    FROM model_versions WHERE version = :version RETURNING id
),
films AS (
    INSERT INTO findings_instances (findings_id, instance_id) SELECT id, :film FROM result
)
SELECT id FROM result
""")
_DELIVERY = text("""
INSERT INTO deliveries (findings_id, peer, created_at, accepted_at, dimse_status)
VALUES (:result, :peer, :at, :accepted, CASE WHEN CAST(:accepted AS timestamptz) IS NOT NULL THEN 0 END) RETURNING id
""")
_REPORT = text("""
WITH message AS (
    INSERT INTO report_messages (sender, control_id, digest, received_at)
    VALUES ('RIS|H', :study, 'd', :at) RETURNING id
)
INSERT INTO assessments (study_id, source, covid19, pneumonia, normal, basis, message_id, reported_at, received_at)
SELECT :study, 'ris', :covid19, :pneumonia, :normal, 'code', id, :at, :at FROM message
""")
_OTHER_NETWORK = text("""
INSERT INTO model_versions (name, version, sha256, undetermined_below) VALUES ('chest', '2.0.0', '2', 0.5)
ON CONFLICT DO NOTHING
""")
_SHADOW = text("""
INSERT INTO shadow_findings (findings_id, model_version_id, outcome, label, probabilities, seconds)
SELECT :result, id, :outcome, CASE :outcome WHEN 'classified' THEN 'NORMAL' END,
    CASE :outcome WHEN 'classified' THEN '{"COVID19": 0.1, "NORMAL": 0.8, "PNEUMONIA": 0.1}'::jsonb END, 1
FROM model_versions WHERE version = '2.0.0'
""")


@dataclass
class MadeStudies:
    """Makes rows, one at a time."""

    engine: Engine

    def run(self, statement: str, **values: Any) -> Any:  # noqa: ANN401 - whatever it returns
        """Execute a statement; return its first value, if it returns rows."""
        with transaction(self.engine) as connection:
            done = connection.execute(text(statement), values)
            return done.scalar() if done.returns_rows else None

    def study(self, at: datetime, *, sender: str = "XRAY1", station: str = "ROOM1") -> tuple[int, int]:
        """Return the numbers of a new study and its film."""
        with transaction(self.engine) as connection:
            row = connection.execute(_STUDY, {"at": at, "sender": sender, "station": station}).one()
        return row.study, row.film

    def result(
        self,
        of: tuple[int, int],
        at: datetime,
        *,
        scores: tuple[float, float, float] = (0.9, 0.06, 0.04),
        label: str | None = "COVID19",
        version: str = "1.0.0",
    ) -> int:
        """Return the number of a new result; scores are of COVID19, NORMAL, PNEUMONIA."""
        values = dict(zip(("covid19", "normal", "pneumonia"), scores, strict=True))
        outcome = "classified" if label else "undetermined"
        with transaction(self.engine) as connection:
            connection.execute(_NETWORK, {"version": version})
            own = {"study": of[0], "film": of[1], "digest": f"{at}", "outcome": outcome, "label": label}
            return int(connection.execute(_RESULT, {**own, **values, "version": version, "at": at}).scalar_one())

    def delivery(self, result: int, at: datetime, *, peer: str = "pacs", accepted: datetime | None = None) -> int:
        """Return the number of a new delivery."""
        with transaction(self.engine) as connection:
            values = {"result": result, "peer": peer, "at": at, "accepted": accepted}
            return int(connection.execute(_DELIVERY, values).scalar_one())

    def report(
        self, study: int, at: datetime, *, covid19: str = "absent", pneumonia: str = "absent", normal: str = "absent"
    ) -> None:
        """Let a final report of a study come."""
        values = {"study": study, "at": at, "covid19": covid19, "pneumonia": pneumonia, "normal": normal}
        with transaction(self.engine) as connection:
            connection.execute(_REPORT, values)

    def shadow(self, result: int, outcome: str = "classified") -> None:
        """Let a shadow, chest 2.0.0, say NORMAL of a result, or skip it."""
        with transaction(self.engine) as connection:
            connection.execute(_OTHER_NETWORK)
            connection.execute(_SHADOW, {"result": result, "outcome": outcome})

    def result_of(self, sender: str, at: datetime, *, seconds: float = 10, **options: Any) -> int:  # noqa: ANN401 - as of a result
        """Return the number of a study that came at a time, and had its result so many seconds later."""
        made = self.study(at, sender=sender)
        self.result(made, at + timedelta(seconds=seconds), **options)
        return made[0]
