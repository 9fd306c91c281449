"""What is known of networks on trial, read from the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from db.engine import transaction
from db.trials import pairs
from domain.findings import Label
from domain.jobs import JobKind, shadow_lane
from domain.pairs import compared
from domain.shadow import ShadowOutcome
from domain.trial import Decision
from domain.trial_board import Replayed, ShadowWork, TargetReplay, TrialBoard

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Engine, Row

_MOST_REPLAYS = 5
# Each state by its own index.
_WORK = text(f"""
SELECT network, sum(waiting)::bigint AS waiting, sum(held)::bigint AS held, sum(skipped)::bigint AS skipped
FROM (
    SELECT substr(lane, {len(shadow_lane("")) + 1}) AS network, count(*) AS waiting, 0 AS held, 0 AS skipped FROM jobs
    WHERE state = 'waiting' AND lane <> '' AND kind = '{JobKind.SHADOW}' GROUP BY lane
    UNION ALL SELECT substr(lane, {len(shadow_lane("")) + 1}), count(*), 0, 0 FROM jobs
    WHERE state = 'leased' AND kind = '{JobKind.SHADOW}' GROUP BY lane
    UNION ALL SELECT substr(lane, {len(shadow_lane("")) + 1}), 0, count(*), 0 FROM jobs
    WHERE state = 'held' AND kind = '{JobKind.SHADOW}' GROUP BY lane
    UNION ALL SELECT m.name || '-' || m.version, 0, 0, count(*)
    FROM shadow_findings AS s JOIN findings AS f ON f.id = s.findings_id
    JOIN model_versions AS m ON m.id = s.model_version_id
    WHERE s.outcome = '{ShadowOutcome.SKIPPED}' AND f.created_at >= :first AND f.created_at < :end
    GROUP BY m.id
) AS parts
GROUP BY network ORDER BY network
""")  # noqa: S608 - constants
_REPLAYS = text(f"""
SELECT created_at, candidate, active, first, last, studies, decision, figures -> 'targets' AS targets
FROM replays ORDER BY id DESC LIMIT {_MOST_REPLAYS}
""")  # noqa: S608 - a constant


def trial_board(engine: Engine, first: datetime, end: datetime) -> TrialBoard:
    """Return the shadow of results from `first` to before `end`, its work of now, and the last replays.

    Raises:
        Transient: the database is away.
    """
    found = pairs(engine, first, end)
    with transaction(engine) as connection:
        work = connection.execute(_WORK, {"first": first, "end": end}).mappings().all()
        replays = connection.execute(_REPLAYS).all()
    return TrialBoard(
        networks=None if found is None else found[0],
        sources=() if found is None else compared(found[1]),
        work=tuple(ShadowWork(**row) for row in work),
        replays=tuple(_replayed(row) for row in replays),
    )


def _replayed(row: Row[*tuple[Any, ...]]) -> Replayed:
    return Replayed(
        at=row.created_at,
        candidate=row.candidate,
        active=row.active,
        first=row.first,
        last=row.last,
        studies=row.studies,
        decision=Decision(row.decision),
        targets={Label(target): _target(found) for target, found in row.targets.items()},
    )


def _target(found: dict[str, Any]) -> TargetReplay:
    interval = found["interval"]
    return TargetReplay(
        decision=Decision(found["decision"]),
        present=found["present"],
        absent=found["absent"],
        difference=found["difference"],
        interval=None if interval is None else (interval[0], interval[1]),
    )
