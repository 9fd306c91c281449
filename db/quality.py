"""Figures of quality in the database: windows of days, read by the indexes of their times."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import text

from db import assessments
from db.engine import transaction
from db.trial_board import trial_board
from domain.agreement import Share
from domain.findings import Label, Outcome
from domain.quality import BINS, NetworkName, Reliability, Scores, Times, Volume
from domain.report_phrases import Statement

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Engine, Row, TextClause

    from domain.agreement import Comparison
    from domain.trial_board import TrialBoard

_LAST_NETWORK = """
    SELECT m.name, m.version, m.sha256 FROM findings AS f JOIN model_versions AS m ON m.id = f.model_version_id
    WHERE f.created_at >= :first AND f.created_at < :end ORDER BY f.id DESC LIMIT 1
"""
_NETWORK = text(f"""
WITH last AS ({_LAST_NETWORK})
SELECT last.name, last.version, (
    SELECT count(*) FROM findings AS f JOIN model_versions AS m ON m.id = f.model_version_id
    WHERE f.created_at >= :first AND f.created_at < :end AND m.sha256 <> last.sha256
) AS others
FROM last
""")  # noqa: S608 - a constant
_BIN = f"least(floor({{}} * {BINS}), {BINS - 1})::int"
_SCORES = text(f"""
WITH last AS ({_LAST_NETWORK})
SELECT i.calling_ae_title AS sender, to_char(f.created_at AT TIME ZONE 'UTC', 'IYYY-"W"IW') AS week,
    score.key AS label, {_BIN.format("score.value::float")} AS bin,
    f.created_at >= CAST(:end AS timestamptz) - interval '7 days' AS is_last, count(*) AS results
FROM findings AS f
JOIN model_versions AS m ON m.id = f.model_version_id AND m.sha256 = (SELECT sha256 FROM last)
JOIN instances AS i ON i.id = f.analysed_instance_id
CROSS JOIN LATERAL jsonb_each_text(f.probabilities) AS score
WHERE f.created_at >= :first AND f.created_at < :end
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 5, 4
""")  # noqa: S608 - constants
# As in `db.assessments`: of a study one report, and the last result before it.
_RELIABILITY = text(f"""
WITH said AS (
    SELECT DISTINCT ON (study_id) study_id, covid19, pneumonia, normal, received_at
    FROM assessments WHERE reported_at >= :first AND reported_at < :end
    ORDER BY study_id, source DESC
),
named AS (
    SELECT result.label, result.probability, CASE result.label
        WHEN '{Label.COVID19}' THEN said.covid19 WHEN '{Label.PNEUMONIA}' THEN said.pneumonia ELSE said.normal
    END AS statement
    FROM said CROSS JOIN LATERAL (
        SELECT outcome, label, (probabilities ->> label)::float AS probability FROM findings
        WHERE findings.study_id = said.study_id AND findings.created_at <= said.received_at
        ORDER BY findings.id DESC LIMIT 1
    ) AS result
    WHERE result.outcome = '{Outcome.CLASSIFIED}'
)
SELECT label, {_BIN.format("probability")} AS bin, avg(probability) AS mean, count(*) AS studies,
    count(*) FILTER (WHERE statement = '{Statement.PRESENT}') AS seen
FROM named WHERE statement IN ('{Statement.PRESENT}', '{Statement.ABSENT}')
GROUP BY 1, 2 ORDER BY 1, 2
""")  # noqa: S608 - constants
_VOLUMES = text("""
SELECT (i.received_at AT TIME ZONE 'UTC')::date AS day, i.calling_ae_title AS sender,
    count(DISTINCT s.study_id) AS studies, count(*) AS films
FROM instances AS i JOIN series AS s ON s.id = i.series_id
WHERE i.received_at >= :first AND i.received_at < :end
GROUP BY 1, 2 ORDER BY 1, 2
""")
_TIMES = text("""
WITH made AS (
    SELECT f.id, (f.created_at AT TIME ZONE 'UTC')::date AS day, max(i.received_at) AS came,
        greatest(extract(epoch FROM f.created_at - max(i.received_at)), 0)::float AS seconds
    FROM findings AS f
    JOIN findings_instances AS fi ON fi.findings_id = f.id JOIN instances AS i ON i.id = fi.instance_id
    WHERE f.created_at >= :first AND f.created_at < :end
    GROUP BY f.id
),
results AS (
    SELECT day, count(*) AS results, percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY seconds) AS took
    FROM made GROUP BY day
),
accepted AS (
    SELECT day, count(*) AS deliveries, percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
        ORDER BY greatest(extract(epoch FROM d.accepted_at - made.came), 0)::float
    ) AS took
    FROM made JOIN deliveries AS d ON d.findings_id = made.id WHERE d.accepted_at IS NOT NULL GROUP BY day
)
SELECT results.day, results.results, results.took[1] AS result_median, results.took[2] AS result_p95,
    coalesce(accepted.deliveries, 0) AS deliveries, accepted.took[1] AS delivery_median,
    accepted.took[2] AS delivery_p95
FROM results LEFT JOIN accepted ON accepted.day = results.day ORDER BY results.day
""")


class PostgresQuality:
    """Implements `domain.quality.QualityBook`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def comparisons(self, first: datetime, end: datetime) -> tuple[Comparison, ...]:
        """Return what was reported, beside the results."""
        return assessments.comparisons(self._engine, first, end)

    def unmatched(self, first: datetime, end: datetime) -> dict[str, int]:
        """Return how many reports are of no study here, and of several."""
        return assessments.unmatched(self._engine, first, end)

    def network(self, first: datetime, end: datetime) -> NetworkName | None:
        """Return the network that made the last result; None without one."""
        rows = self._rows(_NETWORK, first, end)
        return NetworkName(**rows[0]._mapping) if rows else None  # noqa: SLF001 - public, in spite of its name

    def scores(self, first: datetime, end: datetime) -> tuple[Scores, ...]:
        """Return how the network scored that made the last result, by sender and week."""
        counts: dict[tuple[str, str, str, bool], list[int]] = defaultdict(lambda: [0] * BINS)
        for row in self._rows(_SCORES, first, end):
            counts[row.sender, row.week, row.label, row.is_last][row.bin] = row.results
        return tuple(
            Scores(sender=sender, week=week, label=Label(label), counts=tuple(of), is_last=is_last)
            for (sender, week, label, is_last), of in counts.items()
        )

    def reliability(self, first: datetime, end: datetime) -> tuple[Reliability, ...]:
        """Return how often readers saw what was named, by class and probability."""
        return tuple(
            Reliability(label=Label(row.label), bin=row.bin, mean=row.mean, seen=Share(count=row.seen, of=row.studies))
            for row in self._rows(_RELIABILITY, first, end)
        )

    def volumes(self, first: datetime, end: datetime) -> tuple[Volume, ...]:
        """Return what came, by day and sender."""
        return tuple(Volume(**row._mapping) for row in self._rows(_VOLUMES, first, end))  # noqa: SLF001 - the same

    def times(self, first: datetime, end: datetime) -> tuple[Times, ...]:
        """Return how long results and reports took, by day."""
        return tuple(Times(**row._mapping) for row in self._rows(_TIMES, first, end))  # noqa: SLF001 - the same

    def trials(self, first: datetime, end: datetime) -> TrialBoard:
        """Return what is known of networks on trial."""
        return trial_board(self._engine, first, end)

    def _rows(self, statement: TextClause, first: datetime, end: datetime) -> list[Row[*tuple[Any, ...]]]:
        with transaction(self._engine) as connection:
            return list(connection.execute(statement, {"first": first, "end": end}).all())
