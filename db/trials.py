"""Two networks on the same studies, in the database: pairs of a shadow, what was reported, what came of replays."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert, select, text

from db.engine import transaction
from db.shadow_tables import ReplayRow
from domain.agreement import Scanner
from domain.findings import Label, Outcome, Probabilities
from domain.ids import StudyId
from domain.opinion import Opinion
from domain.pairs import Pair, PairedNetworks
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

_ASKED = """
    SELECT f.id, f.study_id, f.created_at, f.model_version_id AS active, s.model_version_id AS shadow,
        s.id AS place, f.outcome, f.label, f.probabilities,
        s.outcome AS shadow_outcome, s.label AS shadow_label, s.probabilities AS shadow_probabilities
    FROM findings AS f JOIN shadow_findings AS s ON s.findings_id = f.id
    WHERE f.created_at >= :first AND f.created_at < :end
"""
_NETWORKS = text(f"""
WITH asked AS ({_ASKED}), last AS (
    SELECT active, shadow FROM asked WHERE shadow_outcome <> '{ShadowOutcome.SKIPPED}' ORDER BY place DESC LIMIT 1
)
SELECT last.active AS active_id, last.shadow AS shadow_id, a.name || '-' || a.version AS active,
    a.sha256 AS active_sha256, s.name || '-' || s.version AS shadow, s.sha256 AS shadow_sha256,
    (SELECT count(*) FROM asked WHERE (asked.active, asked.shadow) <> (last.active, last.shadow)) AS others
FROM last JOIN model_versions AS a ON a.id = last.active JOIN model_versions AS s ON s.id = last.shadow
""")  # noqa: S608 - constants
# As in `db.assessments`: a study's scanner is that of its first film, and a final report counts before a page's answer.
_PAIRS = text(f"""
WITH asked AS ({_ASKED})
SELECT DISTINCT ON (asked.study_id) coalesce(film.calling_ae_title, '') AS ae_title,
    coalesce(whom.station_name, '') AS station, asked.*,
    asked.created_at >= CAST(:end AS timestamptz) - interval '7 days' AS is_last,
    said.covid19, said.pneumonia, said.normal
FROM asked
LEFT JOIN LATERAL (
    SELECT calling_ae_title FROM series JOIN instances ON instances.series_id = series.id
    WHERE series.study_id = asked.study_id ORDER BY instances.id LIMIT 1
) AS film ON true
LEFT JOIN study_identities AS whom ON whom.study_id = asked.study_id
LEFT JOIN LATERAL (
    SELECT covid19, pneumonia, normal FROM assessments WHERE assessments.study_id = asked.study_id
    ORDER BY source DESC LIMIT 1
) AS said ON true
WHERE asked.active = :active AND asked.shadow = :shadow
ORDER BY asked.study_id, asked.id DESC
""")  # noqa: S608 - constants
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


def pairs(engine: Engine, first: datetime, end: datetime) -> tuple[PairedNetworks, tuple[Pair, ...]] | None:
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
        rows = connection.execute(_PAIRS, {**window, **both}).all()
    return PairedNetworks(**networks), tuple(_pair(row) for row in rows)


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
        select(ReplayRow.decision, ReplayRow.created_at, ReplayRow.active)
        .where(ReplayRow.candidate_sha256 == sha256)
        .order_by(ReplayRow.id.desc())
        .limit(1)
    )
    with transaction(engine) as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else LastReplay(decision=Decision(row.decision), at=row.created_at, active=row.active)


def _pair(row: Row[*tuple[Any, ...]]) -> Pair:
    shadow = None
    if row.shadow_outcome != ShadowOutcome.SKIPPED:
        shadow = _opinion(row.shadow_outcome, row.shadow_label, row.shadow_probabilities)
    return Pair(
        scanner=Scanner(ae_title=row.ae_title, station=row.station),
        active=_opinion(row.outcome, row.label, row.probabilities),
        shadow=shadow,
        is_last=row.is_last,
        said={} if row.covid19 is None else _said(row),
    )


def _opinion(outcome: str, label: str | None, scores: dict[str, float] | None) -> Opinion:
    return Opinion(
        outcome=Outcome(outcome),
        label=None if label is None else Label(label),
        probabilities=None
        if scores is None
        else Probabilities(**{name.lower(): value for name, value in scores.items()}),
    )


def _said(row: Row[*tuple[Any, ...]]) -> dict[Label, Statement]:
    return {
        Label.COVID19: Statement(row.covid19),
        Label.NORMAL: Statement(row.normal),
        Label.PNEUMONIA: Statement(row.pneumonia),
    }
