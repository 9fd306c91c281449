"""The radiologists' list in the database: a page of it, and the filters that people keep."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from db.engine import application_name, transaction
from db.wakeups import EVERY_LANE
from domain.film import Unsuitable, View
from domain.findings import Label, ModelVersion, Probabilities, Verdict
from domain.ids import StudyId
from domain.jobs import CLASSIFY_LANE, JobKind, JobState
from domain.priority import Priority
from domain.reading_list import (
    BadFilter,
    Reading,
    ReadingOrder,
    ReadingPage,
    ReadingQuery,
    ReadingState,
    SavedFilter,
)
from domain.subject import StudyIdentity
from domain.worklist import StepPriority, StepState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from sqlalchemy import Engine, Row

    from domain.ids import AccountId

_MOST_FILTERS: Final = 30
_ORDERS: Final[Mapping[ReadingOrder, tuple[str, str]]] = {
    ReadingOrder.SUGGESTED: ("r.suggested{0}, r.received_at{0}, r.study_id{0}", ">"),
    ReadingOrder.ARRIVAL: ("r.received_at{0}, r.study_id{0}", ">"),
    ReadingOrder.NEWEST: ("r.received_at{0}, r.study_id{0}", "<"),
}
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
"""No film came before or comes after; a moment of every zone can be written down for them."""
_UNSERVED_SECONDS: Final = 20
"""So long may no worker be there: one that is started again is back sooner."""
_JOB: Final = f"""LEFT JOIN LATERAL (
    SELECT state, due FROM (
        SELECT 0 AS place, state, run_after AS due FROM jobs
        WHERE kind = '{JobKind.CLASSIFY}' AND subject_id = r.study_id AND state = '{JobState.LEASED}'
        UNION ALL SELECT 1, state, run_after FROM jobs
        WHERE kind = '{JobKind.CLASSIFY}' AND subject_id = r.study_id AND state = '{JobState.WAITING}'
        UNION ALL SELECT 2, state, run_after FROM jobs
        WHERE kind = '{JobKind.CLASSIFY}' AND subject_id = r.study_id AND state = '{JobState.HELD}'
        AND NOT EXISTS (
            SELECT FROM findings WHERE findings.study_id = r.study_id AND findings.created_at > jobs.settled_at
        )
    ) AS open ORDER BY place LIMIT 1
) AS job ON true"""  # noqa: S608 - constants
"""What is going on with the study's classification; a job that was held before a later result says nothing."""
_STATE: Final = f"""CASE
    WHEN job.state = '{JobState.LEASED}' THEN '{ReadingState.RUNNING}'
    WHEN job.state = '{JobState.WAITING}' AND (
        :is_paused OR job.due < now() - CAST(:patience AS interval)
        OR (NOT :is_served AND job.due < now() - interval '{_UNSERVED_SECONDS} s')
    ) THEN '{ReadingState.UNAVAILABLE}'
    WHEN job.state = '{JobState.WAITING}' THEN '{ReadingState.WAITING}'
    WHEN job.state = '{JobState.HELD}' THEN '{ReadingState.FAILED}'
    WHEN r.verdict IS NULL THEN '{ReadingState.UNAVAILABLE}'
    WHEN r.verdict = '{Verdict.UNDETERMINED}' THEN '{ReadingState.UNDETERMINED}'
    WHEN r.verdict = '{Verdict.COULD_NOT_PROCESS}' THEN '{ReadingState.UNSUITABLE}'
    ELSE '{ReadingState.DONE}'
END"""
_HAS_JOB: Final = f"r.study_id IN (SELECT subject_id FROM jobs WHERE kind = '{JobKind.CLASSIFY}' AND state = '{{}}')"  # noqa: S608 - constants
_NEEDED: Final[Mapping[ReadingState, str]] = {
    ReadingState.WAITING: _HAS_JOB.format(JobState.WAITING),
    ReadingState.RUNNING: _HAS_JOB.format(JobState.LEASED),
    ReadingState.FAILED: _HAS_JOB.format(JobState.HELD),
    ReadingState.UNAVAILABLE: f"(r.verdict IS NULL OR {_HAS_JOB.format(JobState.WAITING)})",
    ReadingState.DONE: f"r.verdict IN ('{Verdict.POSITIVE}', '{Verdict.NEGATIVE}')",
    ReadingState.UNDETERMINED: f"r.verdict = '{Verdict.UNDETERMINED}'",
    ReadingState.UNSUITABLE: f"r.verdict = '{Verdict.COULD_NOT_PROCESS}'",
}
"""What a study in a state has in any case: found by indexes, before its state is worked out."""
_FOUND: Final = """
    SELECT study_id FROM study_identities WHERE lower(patient_name) LIKE :search
    UNION ALL SELECT study_id FROM study_identities WHERE lower(patient_name) LIKE :name
    UNION ALL SELECT study_id FROM study_identities WHERE lower(patient_id) LIKE :search
    UNION ALL SELECT study_id FROM study_identities WHERE lower(accession_number) LIKE :search
"""
_MANY: Final = 2000
_COUNT_FOUND: Final = text(f"SELECT count(*) FROM (SELECT FROM ({_FOUND}) AS found LIMIT {_MANY}) AS counted")  # noqa: S608 - constants
_IS_FOUND: Final = f"r.study_id IN ({_FOUND})"
"""Where few studies are found: they are looked for first."""
_IS_ONE_OF_MANY: Final = """EXISTS (
    SELECT FROM study_identities AS i WHERE i.study_id = r.study_id AND (
        lower(patient_name) LIKE :search OR lower(patient_name) LIKE :name
        OR lower(patient_id) LIKE :search OR lower(accession_number) LIKE :search
    ) OFFSET 0
)"""
"""Where many are: the list is gone through in its order until there are enough of them."""
_PAGE: Final = """
WITH page AS MATERIALIZED (
    SELECT r.* FROM reading_list AS r {job} WHERE {conditions} ORDER BY {order} LIMIT :at_most
)
SELECT r.*, now() - r.received_at AS waited, st.priority AS ordered, {state} AS state, whom.*, r.study_id AS study_id,
    f.label, f.probabilities, f.unsuitable, m.name, m.version, m.sha256, m.undetermined_below, m.covid19_from,
    coalesce(item.performer, '') AS performer,
    EXISTS (SELECT FROM assessments AS a WHERE a.study_id = r.study_id) AS is_assessed,
    ARRAY(
        SELECT DISTINCT seen.view FROM findings_instances AS seen
        WHERE seen.findings_id = f.id AND seen.view IS NOT NULL ORDER BY 1
    ) AS views
FROM page AS r JOIN studies AS st ON st.id = r.study_id {shown_job}
LEFT JOIN study_identities AS whom ON whom.study_id = r.study_id
LEFT JOIN LATERAL (SELECT * FROM findings WHERE findings.study_id = r.study_id ORDER BY id DESC LIMIT 1) AS f ON true
LEFT JOIN model_versions AS m ON m.id = f.model_version_id
LEFT JOIN workitems AS item ON item.study_id = r.study_id AND item.state = '{claimed}'
ORDER BY {order}
"""
_SERVICE: Final = text("""
SELECT EXISTS (SELECT FROM pauses WHERE lane = ANY(:lanes)) AS is_paused,
    EXISTS (
        SELECT FROM pg_stat_activity
        WHERE split_part(application_name, ' ', 1) = :worker AND datname = current_database()
    ) AS is_served
""")
_SERVED_BY: Final = {"lanes": [CLASSIFY_LANE, EVERY_LANE], "worker": application_name("worker")}
_PLACES: Final = text("""
SELECT DISTINCT place FROM (
    SELECT unnest(ARRAY[sender, station]) AS place FROM (
        SELECT sender, station FROM reading_list ORDER BY received_at DESC, study_id DESC LIMIT 1000
    ) AS latest
) AS named WHERE place <> '' ORDER BY place LIMIT 200
""")
_IDENTITY: Final = tuple(StudyIdentity.__dataclass_fields__)
_SAVE: Final = text("""
INSERT INTO saved_filters (account_id, name, query) VALUES (:account, :name, :query)
ON CONFLICT (account_id, name) DO UPDATE SET query = excluded.query
""")


class PostgresReadingList:
    """Implements `domain.reading_list.ReadingList`."""

    def __init__(self, engine: Engine, *, patience: timedelta, zone: tzinfo | None = None) -> None:
        """Read the list; a study whose classification is due for longer than `patience` waits in vain.

        So does one in a pause, and before long one where no worker is connected to the database.
        Days that a query names begin at midnight of `zone`; None: of this machine's.
        """
        self._engine = engine
        self._zone = zone
        self._patience = patience

    def page(self, query: ReadingQuery, *, at_most: int) -> ReadingPage:
        """Return the first studies, or those behind the one that the query names."""
        days = {
            "since": query.since and self._midnight(query.since),
            "until": query.until and self._midnight(query.until, after=timedelta(days=1)),
        }
        values = {**_values(query), **days, "at_most": at_most + 1, "patience": self._patience}
        with transaction(self._engine) as connection:
            service = connection.execute(_SERVICE, _SERVED_BY).mappings().one()
            found = connection.execute(_COUNT_FOUND, values).scalar_one() if query.search else 0
            statement = _statement(query, _IS_ONE_OF_MANY if found >= _MANY else _IS_FOUND)
            rows = connection.execute(text(statement), {**values, **service}).all()
        return ReadingPage(readings=tuple(_reading(row) for row in rows[:at_most]), has_more=len(rows) > at_most)

    def _midnight(self, day: date, *, after: timedelta = timedelta()) -> datetime:
        begin = datetime.combine(min(max(day, _FIRST_DAY), _LAST_DAY) + after, time())
        return begin.astimezone() if self._zone is None else begin.replace(tzinfo=self._zone)

    def places(self) -> Sequence[str]:
        """Return the senders and stations of the last thousand studies."""
        with transaction(self._engine) as connection:
            return connection.execute(_PLACES).scalars().all()


class PostgresSavedFilters:
    """Implements `domain.reading_list.SavedFilters`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, account: AccountId) -> Sequence[SavedFilter]:
        """Return somebody's filters by name."""
        query = text("SELECT id, name, query FROM saved_filters WHERE account_id = :account ORDER BY name")
        with transaction(self._engine) as connection:
            return [SavedFilter(**row) for row in connection.execute(query, {"account": account}).mappings()]

    def save(self, account: AccountId, *, name: str, query: str) -> None:
        """Keep a filter, in place of one of the same name."""
        if not name:
            raise BadFilter("it needs a name")
        known = {one.name for one in self.all(account)}
        if len(known | {name}) > _MOST_FILTERS:
            raise BadFilter(f"there are {_MOST_FILTERS} filters already; delete one of them")
        with transaction(self._engine) as connection:
            connection.execute(_SAVE, {"account": account, "name": name, "query": query})

    def delete(self, account: AccountId, filter_id: int) -> None:
        """Forget a filter, if it is that account's."""
        query = text("DELETE FROM saved_filters WHERE id = :id AND account_id = :account")
        with transaction(self._engine) as connection:
            connection.execute(query, {"id": filter_id, "account": account})


def _statement(query: ReadingQuery, search: str) -> str:
    columns, _ = _ORDERS[query.order]
    return _PAGE.format(
        job=_JOB if query.state is not None else "",
        shown_job=_JOB,
        state=_STATE,
        claimed=StepState.IN_PROGRESS,
        conditions=" AND ".join(["true", *_conditions(query, search)]),
        order=columns.format(" DESC" if query.order is ReadingOrder.NEWEST else ""),
    )


def _conditions(query: ReadingQuery, search: str) -> Iterator[str]:
    columns, compared = _ORDERS[query.order]
    places = {
        f"({_NEEDED[query.state]}) AND {_STATE} = :state" if query.state is not None else "": query.state,
        "r.suggested = :priority": query.priority is not None,
        "r.verdict = :verdict": query.verdict,
        "(r.sender = :place OR r.station = :place)": query.place,
        "r.received_at >= :since": query.since,
        "r.received_at < :until": query.until,
        "NOT r.is_read": query.only_unread,
        search: query.search,
        f"({columns.format('')}) {compared} (SELECT {columns.format('')} FROM reading_list AS r "  # noqa: S608 - constants
        "WHERE r.study_id = :behind)": query.behind is not None,
    }
    yield from (condition for condition, is_wanted in places.items() if is_wanted)


def _values(query: ReadingQuery) -> dict[str, Any]:
    search = _escaped(query.search.strip().lower())
    return {
        "state": query.state,
        "priority": None if query.priority is None else int(query.priority),
        "verdict": query.verdict,
        "place": query.place,
        "search": f"{search}%",
        "name": f"{'^'.join(part.strip() for part in search.split(','))}%",  # as it is shown, and as DICOM writes it
        "behind": query.behind,
    }


def _escaped(text_of_person: str) -> str:
    for sign in ("\\", "%", "_"):
        text_of_person = text_of_person.replace(sign, f"\\{sign}")
    return text_of_person


def _reading(row: Row[*tuple[Any, ...]]) -> Reading:
    scores = row.probabilities
    return Reading(
        study_id=StudyId(row.study_id),
        identity=StudyIdentity(**{name: getattr(row, name) or "" for name in _IDENTITY}),
        received_at=row.received_at,
        waited=row.waited,
        ordered=Priority(row.ordered),
        suggested=StepPriority(row.suggested),
        state=ReadingState(row.state),
        verdict=None if row.verdict is None else Verdict(row.verdict),
        label=None if row.label is None else Label(row.label),
        probabilities=None if scores is None else Probabilities(**{name.lower(): one for name, one in scores.items()}),
        model=_model(row),
        unsuitable=None if row.unsuitable is None else Unsuitable(row.unsuitable),
        views=tuple(View(view) for view in row.views),
        sender=row.sender,
        performer=row.performer,
        is_assessed=row.is_assessed,
        is_read=row.is_read,
    )


def _model(row: Row[*tuple[Any, ...]]) -> ModelVersion | None:
    if row.sha256 is None:
        return None
    return ModelVersion(
        name=row.name,
        version=row.version,
        sha256=row.sha256,
        undetermined_below=row.undetermined_below,
        covid19_from=row.covid19_from,
    )
