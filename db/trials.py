"""Two networks on the same studies, in the database: pairs of a shadow, what was reported, what came of replays."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert, select, text

from db.engine import transaction
from db.shadow_tables import ReplayRow
from domain.agreement import Scanner
from domain.findings import Label
from domain.ids import StudyId
from domain.pairs import Alike, Gap, PairedNetworks, Pairs, ScoredAlike
from domain.quality import BINS
from domain.report_phrases import Statement
from domain.shadow import ShadowOutcome
from domain.trial import Decision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Engine, Row

    from domain.findings import ModelVersion
    from domain.trial import Trial

_NETWORKS = text(f"""
WITH asked AS (
    SELECT f.model_version_id AS active, s.model_version_id AS shadow, count(*) AS results,
        max(s.id) FILTER (WHERE s.outcome <> '{ShadowOutcome.SKIPPED}') AS place
    FROM findings AS f JOIN shadow_findings AS s ON s.findings_id = f.id
    WHERE f.created_at >= :first AND f.created_at < :end GROUP BY 1, 2
),
last AS (
    SELECT active, shadow, results FROM asked WHERE place IS NOT NULL ORDER BY place DESC LIMIT 1
)
SELECT last.active AS active_id, last.shadow AS shadow_id, a.name || '-' || a.version AS active,
    a.sha256 AS active_sha256, s.name || '-' || s.version AS shadow, s.sha256 AS shadow_sha256,
    (SELECT sum(results)::bigint FROM asked) - last.results AS others
FROM last JOIN model_versions AS a ON a.id = last.active JOIN model_versions AS s ON s.id = last.shadow
""")  # noqa: S608 - constants


def _parts(of: str) -> str:
    """Return SQL for a digit of each label, in their order: in which of the `BINS` parts of 0 to 1 the score lies."""
    scores = (f"({of} ->> '{label}')::float" for label in Label)
    return " || ".join(f"(floor({score} * {BINS}) - ({score} >= 1)::int)::text" for score in scores)


_GAPS = ", ".join(
    f"(s.probabilities ->> '{label}')::float - (f.probabilities ->> '{label}')::float AS gap_{label.lower()}"
    for label in Label
)
_SUMS = ", ".join(
    f"count({gap}) AS {gap}_studies, sum({gap}) AS {gap}_total, sum({gap} * {gap}) AS {gap}_squares"
    for gap in (f"gap_{label.lower()}" for label in Label)
)
# As in `db.assessments`: a study's scanner is that of its first film, and a final report counts before a page's answer.
# Studies are counted here, in three ways at once: there may be a hundred thousand.
_PAIRS = text(f"""
WITH asked AS MATERIALIZED (
    SELECT DISTINCT ON (f.study_id) f.study_id, coalesce(f.label, f.outcome) AS active_word,
        CASE WHEN s.outcome <> '{ShadowOutcome.SKIPPED}' THEN coalesce(s.label, s.outcome) END AS shadow_word,
        CASE WHEN s.outcome <> '{ShadowOutcome.SKIPPED}' THEN {_parts("f.probabilities")} END AS active_parts,
        {_parts("s.probabilities")} AS shadow_parts, {_GAPS},
        f.created_at >= CAST(:end AS timestamptz) - interval '7 days' AS is_last
    FROM findings AS f JOIN shadow_findings AS s ON s.findings_id = f.id
    WHERE f.created_at >= :first AND f.created_at < :end
        AND f.model_version_id = :active AND s.model_version_id = :shadow
    ORDER BY f.study_id, f.id DESC
),
said AS (
    SELECT DISTINCT ON (study_id) study_id, covid19, pneumonia, normal
    FROM assessments JOIN asked USING (study_id) ORDER BY study_id, source DESC
),
placed AS (
    SELECT asked.*, said.covid19, said.pneumonia, said.normal, coalesce(film.calling_ae_title, '') AS ae_title,
        coalesce(whom.station_name, '') AS station
    FROM asked
    LEFT JOIN LATERAL (
        SELECT calling_ae_title FROM series JOIN instances ON instances.series_id = series.id
        WHERE series.study_id = asked.study_id ORDER BY instances.id LIMIT 1
    ) AS film ON true
    LEFT JOIN study_identities AS whom ON whom.study_id = asked.study_id
    LEFT JOIN said ON said.study_id = asked.study_id
)
SELECT ae_title, station, is_last, active_word, shadow_word, covid19, pneumonia, normal,
    GROUPING(active_word) = 0 AS has_words, GROUPING(shadow_parts) = 0 AS is_shadow,
    coalesce(active_parts, shadow_parts) AS parts, count(*) AS studies, {_SUMS}
FROM placed GROUP BY GROUPING SETS (
    (ae_title, station, active_word, shadow_word, covid19, pneumonia, normal),
    (ae_title, station, is_last, active_parts),
    (ae_title, station, is_last, shadow_parts)
)
""")  # noqa: S608 - constants
_MEMORY = text("SET LOCAL work_mem = '64MB'")
"""So that a hundred thousand studies are sorted without a file."""
_REPORTED = text("""
SELECT study_id, covid19, pneumonia, normal FROM (
    SELECT DISTINCT ON (study_id) study_id, covid19, pneumonia, normal, reported_at
    FROM assessments WHERE reported_at >= :first AND reported_at < :end
    ORDER BY study_id, source DESC
) AS said
ORDER BY reported_at DESC, study_id DESC LIMIT :most
""")


class Reported(NamedTuple):
    """A study of which something was reported."""

    study: StudyId
    said: Mapping[Label, Statement]


class LastReplay(NamedTuple):
    """What came of the last replay of a network."""

    decision: Decision
    at: datetime
    active: str
    """Beside which network."""
    active_sha256: str
    minimum: int
    margin: float
    """By which measure, as of `domain.trial.Trial`."""


def pairs(engine: Engine, first: datetime, end: datetime) -> tuple[PairedNetworks, Pairs] | None:
    """Return the last shadow and the network beside it, and what they said of each study; None: there is none.

    Of a study with several results the last one counts.

    Raises:
        Transient: the database is away.
    """
    window = {"first": first, "end": end}
    with transaction(engine) as connection:
        found = connection.execute(_NETWORKS, window).mappings().one_or_none()
        if found is None:
            return None
        networks = {**found}
        both = {"active": networks.pop("active_id"), "shadow": networks.pop("shadow_id")}
        connection.execute(_MEMORY)
        rows = connection.execute(_PAIRS, {**window, **both}).all()
    alike = tuple(_alike(row) for row in rows if row.has_words)
    return PairedNetworks(**networks), Pairs(alike, tuple(_scored(row) for row in rows if row.parts))


def reported(engine: Engine, first: datetime, end: datetime, *, most: int | None) -> Sequence[Reported]:
    """Return the studies that were reported from `first` to before `end`, the last ones first, at most so many.

    Raises:
        Transient: the database is away.
    """
    with transaction(engine) as connection:
        rows = connection.execute(_REPORTED, {"first": first, "end": end, "most": most}).all()
    return [Reported(study=StudyId(row.study_id), said=_said(row)) for row in rows]


def record(
    engine: Engine,
    networks: tuple[ModelVersion, ModelVersion],
    trial: Trial,
    *,
    window: tuple[datetime, datetime],
    actor: str,
) -> None:
    """Keep what came of a replay; `networks` are the candidate and the active one.

    Raises:
        Transient: the database is away.
    """
    candidate, active = networks
    row = {
        "candidate": f"{candidate.name}-{candidate.version}",
        "candidate_sha256": candidate.sha256,
        "active": f"{active.name}-{active.version}",
        "active_sha256": active.sha256,
        "first": window[0],
        "last": window[1],
        "studies": trial.studies,
        "decision": trial.decision,
        "figures": asdict(trial),
        "actor": actor,
    }
    with transaction(engine) as connection:
        connection.execute(insert(ReplayRow).values(row))


def last_replay(engine: Engine, sha256: str) -> LastReplay | None:
    """Return what came of the last replay of a network; None: there was none.

    Raises:
        Transient: the database is away.
    """
    query = (
        select(ReplayRow.decision, ReplayRow.created_at, ReplayRow.active, ReplayRow.active_sha256, ReplayRow.figures)
        .where(ReplayRow.candidate_sha256 == sha256)
        .order_by(ReplayRow.id.desc())
        .limit(1)
    )
    with transaction(engine) as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return LastReplay(
        decision=Decision(row.decision),
        at=row.created_at,
        active=row.active,
        active_sha256=row.active_sha256,
        minimum=row.figures["minimum"],
        margin=row.figures["margin"],
    )


def _alike(row: Row[*tuple[Any, ...]]) -> Alike:
    sums = row._mapping  # noqa: SLF001 - public, in spite of its name
    gaps = {label: [sums[f"gap_{label.lower()}_{part}"] for part in Gap._fields] for label in Label}
    return Alike(
        scanner=Scanner(ae_title=row.ae_title, station=row.station),
        active=row.active_word,
        shadow=row.shadow_word,
        said={} if row.covid19 is None else _said(row),
        studies=row.studies,
        gaps={label: Gap(*of) for label, of in gaps.items() if of[0]},
    )


def _scored(row: Row[*tuple[Any, ...]]) -> ScoredAlike:
    return ScoredAlike(
        scanner=Scanner(ae_title=row.ae_title, station=row.station),
        is_shadow=row.is_shadow,
        is_last=row.is_last,
        bins=tuple(int(part) for part in row.parts),
        studies=row.studies,
    )


def _said(row: Row[*tuple[Any, ...]]) -> dict[Label, Statement]:
    return {
        Label.COVID19: Statement(row.covid19),
        Label.NORMAL: Statement(row.normal),
        Label.PNEUMONIA: Statement(row.pneumonia),
    }
