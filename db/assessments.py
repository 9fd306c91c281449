"""What persons report of studies, in the database: filed, and set beside the results."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from db.engine import transaction
from domain.agreement import Comparison, Scanner
from domain.assessment import Basis, Filing, Source
from domain.findings import Label, Outcome
from domain.report_phrases import Statement

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from domain.assessment import AssessedReport, ReportMessage, StudyReference


_REMEMBER = text("""
INSERT INTO report_messages (sender, control_id, digest) VALUES (:sender, :control_id, :digest)
ON CONFLICT (sender, control_id, digest) DO NOTHING RETURNING id
""")
_COUNT = text("""
UPDATE report_messages SET filed = :filed, outdated = :outdated, unknown = :unknown, ambiguous = :ambiguous
WHERE id = :message
""")
_BY_UID = text("SELECT id FROM studies WHERE study_instance_uid = :study")
# Two are as good as many: the report is of neither.
_BY_ACCESSION = text("""
SELECT study_id FROM study_identities
WHERE accession_number = :accession
    AND (patient_id = '' OR cardinality(CAST(:patients AS text[])) = 0 OR patient_id = ANY (CAST(:patients AS text[])))
LIMIT 2
""")
# A clock that is ahead must not make a report the last one for ever.
_FILE = text(f"""
INSERT INTO assessments (
    study_id, source, covid19, pneumonia, normal, basis, matches, message_id, is_correction, reported_at
)
VALUES (
    :study, '{Source.RIS}', :covid19, :pneumonia, :normal, :basis, :matches, :message, :is_correction,
    least(coalesce(CAST(:reported_at AS timestamptz), now()), now())
)
ON CONFLICT (study_id, source) DO UPDATE SET
    covid19 = excluded.covid19, pneumonia = excluded.pneumonia, normal = excluded.normal, basis = excluded.basis,
    matches = excluded.matches, message_id = excluded.message_id, is_correction = excluded.is_correction,
    reported_at = excluded.reported_at, received_at = excluded.received_at
WHERE excluded.is_correction OR excluded.reported_at >= assessments.reported_at
RETURNING id
""").bindparams(bindparam("matches", type_=JSONB))  # noqa: S608 - a constant
# A study's scanner is that of its first film. A person's answer on a page counts where there is no final report.
_COMPARE = text("""
WITH said AS (
    SELECT DISTINCT ON (study_id) study_id, covid19, pneumonia, normal, reported_at, received_at
    FROM assessments WHERE reported_at >= :first AND reported_at < :end
    ORDER BY study_id, source DESC
)
SELECT coalesce(film.calling_ae_title, '') AS ae_title, coalesce(whom.station_name, '') AS station,
    to_char(said.reported_at AT TIME ZONE 'UTC', 'IYYY-"W"IW') AS week,
    said.covid19, said.pneumonia, said.normal, result.outcome, result.label, count(*) AS studies
FROM said
LEFT JOIN LATERAL (
    SELECT outcome, label FROM findings
    WHERE findings.study_id = said.study_id AND findings.created_at <= said.received_at
    ORDER BY findings.id DESC LIMIT 1
) AS result ON true
LEFT JOIN LATERAL (
    SELECT calling_ae_title FROM series JOIN instances ON instances.series_id = series.id
    WHERE series.study_id = said.study_id ORDER BY instances.id LIMIT 1
) AS film ON true
LEFT JOIN study_identities AS whom ON whom.study_id = said.study_id
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
""")
_UNMATCHED = text("""
SELECT coalesce(sum(unknown), 0) AS unknown, coalesce(sum(ambiguous), 0) AS ambiguous
FROM report_messages WHERE received_at >= :first AND received_at < :end
""")


class PostgresAssessments:
    """Implements `domain.assessment_ports.Assessments`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def file(self, message: ReportMessage) -> Filing:
        """Keep the assessments of a message's reports, all or none."""
        named = {"sender": message.sender, "control_id": message.control_id, "digest": message.digest}
        with transaction(self._engine) as connection:
            row = connection.execute(_REMEMBER, named).scalar_one_or_none()
            if row is None:
                return Filing(is_resent=True)
            ends = Counter(_file(connection, report, row) for report in message.reports)
            filing = Filing(
                filed=ends["filed"], outdated=ends["outdated"], unknown=ends["unknown"], ambiguous=ends["ambiguous"]
            )
            connection.execute(
                _COUNT,
                {
                    "message": row,
                    "filed": filing.filed,
                    "outdated": filing.outdated,
                    "unknown": filing.unknown,
                    "ambiguous": filing.ambiguous,
                },
            )
        return filing


def comparisons(engine: Engine, first: datetime, end: datetime) -> tuple[Comparison, ...]:
    """Return what was reported from `first` to before `end`, beside the result that was the last when it came.

    Studies of which the same was said, by person and network, are one comparison.

    Raises:
        Transient: the database is away.
    """
    with transaction(engine) as connection:
        rows = connection.execute(_COMPARE, {"first": first, "end": end}).all()
    return tuple(
        Comparison(
            scanner=Scanner(ae_title=row.ae_title, station=row.station),
            week=row.week,
            said={
                Label.COVID19: Statement(row.covid19),
                Label.NORMAL: Statement(row.normal),
                Label.PNEUMONIA: Statement(row.pneumonia),
            },
            outcome=None if row.outcome is None else Outcome(row.outcome),
            label=None if row.label is None else Label(row.label),
            studies=row.studies,
        )
        for row in rows
    )


def unmatched(engine: Engine, first: datetime, end: datetime) -> dict[str, int]:
    """Return how many reports that came from `first` to before `end` are of no study here, and of several.

    Raises:
        Transient: the database is away.
    """
    with transaction(engine) as connection:
        row = connection.execute(_UNMATCHED, {"first": first, "end": end}).one()
    return {"unknown": int(row.unknown), "ambiguous": int(row.ambiguous)}


def _file(connection: Connection, report: AssessedReport, message: int) -> str:
    """Keep one report's assessment; return the name of the count that it adds to."""
    studies = _studies(connection, report.study)
    if len(studies) != 1:
        return "ambiguous" if studies else "unknown"
    return "outdated" if connection.execute(_FILE, _row(report, studies[0], message)).first() is None else "filed"


def _studies(connection: Connection, reference: StudyReference) -> list[int]:
    """Return the study that a report names, or two of several that it may be of."""
    if reference.study_uid:
        found = connection.execute(_BY_UID, {"study": reference.study_uid}).scalars().all()
        if found:
            return list(found)
    for accession in reference.accession_numbers:
        asked = {"accession": accession, "patients": list(reference.patient_ids)}
        found = connection.execute(_BY_ACCESSION, asked).scalars().all()
        if found:
            return list(found)
    return []


def _row(report: AssessedReport, study: int, message: int) -> dict[str, Any]:
    assessment = report.assessment
    assert assessment.basis is not Basis.PERSON  # noqa: S101 - a report is read by rules
    return {
        "study": study,
        "covid19": str(assessment.statements[Label.COVID19]),
        "pneumonia": str(assessment.statements[Label.PNEUMONIA]),
        "normal": str(assessment.statements[Label.NORMAL]),
        "basis": str(assessment.basis),
        "matches": [asdict(match) for match in assessment.matches],
        "message": message,
        "is_correction": report.is_correction,
        "reported_at": report.reported_at,
    }
