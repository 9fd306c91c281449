"""The tables, one class each. Times are the database's, in UTC."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    func,
    inspect,
    text,
)
from sqlalchemy import Table as PlainTable
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from domain.findings import Outcome
from domain.jobs import JobKind, JobState, ReasonClass
from domain.priority import Priority


class Table(DeclarativeBase):
    """Base of all tables; it gives Python types their column types."""

    type_annotation_map: ClassVar = {
        int: BigInteger,
        datetime: DateTime(timezone=True),
        dict[str, float]: JSONB(none_as_null=True),
        list[list[str]]: JSONB(none_as_null=True),
    }


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Return a check that a column has one of these values."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=f"{column}_is_known")


class Study(Table):
    """A study of which at least one film was received."""

    __tablename__ = "studies"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(unique=True)
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    priority: Mapped[int] = mapped_column(server_default=str(Priority.ROUTINE.value))
    """The most urgent of its instances'; see `domain.priority.Priority`."""


class Series(Table):
    """A series of a received study."""

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    series_instance_uid: Mapped[str]
    modality: Mapped[str]

    __table_args__ = (UniqueConstraint("study_id", "series_instance_uid"),)


class Instance(Table):
    """A received film; its file lies in the store, unless it was deleted on purpose."""

    __tablename__ = "instances"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    sop_instance_uid: Mapped[str] = mapped_column(unique=True)
    sop_class_uid: Mapped[str]
    transfer_syntax_uid: Mapped[str]
    digest: Mapped[str]
    size_bytes: Mapped[int]
    path: Mapped[str]
    calling_ae_title: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("instances_received", "received_at", postgresql_using="brin"),)


class Conflict(Table):
    """Content that came under the SOP Instance UID of an instance with another content."""

    __tablename__ = "conflicts"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"))
    digest: Mapped[str]
    size_bytes: Mapped[int]
    transfer_syntax_uid: Mapped[str]
    path: Mapped[str | None]
    """Where it lies in the store; null: it was not kept."""
    calling_ae_title: Mapped[str]
    resolution: Mapped[str]
    times: Mapped[int] = mapped_column(server_default="1")
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_received_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("resolution IN ('rejected', 'kept-aside', 'replaced')", name="resolution_is_known"),
        CheckConstraint("(path IS NULL) = (resolution = 'rejected')", name="what_is_kept_has_a_place"),
        UniqueConstraint("instance_id", "digest"),
    )


class JobRow(Table):
    """A job; `subject_id` is a study's, a delivery's, a commitment's or a confirmation's id, by `kind`."""

    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    kind: Mapped[str]
    lane: Mapped[str]
    subject_id: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=JobState.WAITING.value)
    attempts: Mapped[int] = mapped_column(server_default="0")
    max_attempts: Mapped[int | None]
    run_after: Mapped[datetime] = mapped_column(server_default=func.now())
    leased_by: Mapped[str | None]
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    reason: Mapped[str | None]
    reason_class: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]
    priority: Mapped[int] = mapped_column(server_default=str(Priority.ROUTINE.value))
    sender: Mapped[str] = mapped_column(server_default="")
    """Calling AE title of the study's first film; empty for jobs that nobody sent."""
    turn: Mapped[datetime] = mapped_column(server_default=func.now())
    """Order of jobs of one priority: when it is the sender's turn again."""

    __table_args__ = (
        one_of("kind", JobKind),
        one_of("state", JobState),
        CheckConstraint("(state = 'leased') = (lease_token IS NOT NULL)", name="only_leased_jobs_have_a_token"),
        one_of("reason_class", ReasonClass),
        CheckConstraint("state NOT IN ('held', 'cancelled') OR reason IS NOT NULL", name="held_jobs_say_why"),
        Index(
            "jobs_waiting",
            "lane",
            "priority",
            "turn",
            "run_after",
            postgresql_where=text("state = 'waiting' AND lane <> ''"),  # not for statements that name no lane
        ),
        Index(
            "jobs_waiting_sender",
            "lane",
            "sender",
            "turn",
            postgresql_where=text("state = 'waiting' AND sender <> ''"),
        ),
        Index("jobs_waiting_subject", "kind", "subject_id", postgresql_where=text("state = 'waiting'")),
        Index("jobs_leased", "kind", "subject_id", postgresql_where=text("state = 'leased'")),
        Index("jobs_held", "settled_at", postgresql_where=text("state = 'held'")),
        Index("jobs_settled", "settled_at", postgresql_where=text("state IN ('done', 'cancelled')")),
        Index("jobs_settled_subject", "kind", "subject_id", postgresql_where=text("state IN ('done', 'cancelled')")),
    )


class JobHistory(Table):
    """A change of a job's state, written by the database itself."""

    __tablename__ = "job_history"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    happened_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    before: Mapped[str]
    after: Mapped[str]
    attempt: Mapped[int]
    actor: Mapped[str | None]
    """Host and process of a worker, or the person who asked."""
    reason: Mapped[str | None]
    reason_class: Mapped[str | None]

    __table_args__ = (
        Index(
            "job_history_failed",
            "id",
            postgresql_where=text("before = 'leased' AND after <> 'done' AND reason IS NOT NULL"),
        ),
    )


def _columns_of(table: type[Table]) -> list[Column[Any]]:
    """Return a table's columns for its archive: names and types, but no defaults, checks or references."""
    return [
        Column(one.name, one.type, primary_key=one.primary_key, autoincrement=False, nullable=one.nullable)
        for one in inspect(table).columns
    ]


class ArchivedJob(Table):
    """A job that was done or cancelled long ago; the columns are those of `jobs`, whatever they become."""

    __table__ = PlainTable(
        "jobs_archive",
        Table.metadata,
        *_columns_of(JobRow),
        Index("jobs_archive_subject", "kind", "subject_id"),
    )


class ArchivedHistory(Table):
    """A change of an archived job's state; the columns are those of `job_history`."""

    __table__ = PlainTable(
        "job_history_archive",
        Table.metadata,
        *_columns_of(JobHistory),
        ForeignKeyConstraint(["job_id"], ["jobs_archive.id"], ondelete="CASCADE"),
        Index("job_history_archive_job", "job_id"),
    )


class Pause(Table):
    """A lane in which nothing is claimed; the empty name stands for every lane."""

    __tablename__ = "pauses"

    lane: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    reason: Mapped[str]


class ModelVersionRow(Table):
    """A network that made results here."""

    __tablename__ = "model_versions"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    version: Mapped[str]
    sha256: Mapped[str]
    undetermined_below: Mapped[float]
    covid19_from: Mapped[float] = mapped_column(server_default="0")
    first_used_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (UniqueConstraint("name", "version", "sha256", "undetermined_below", "covid19_from"),)


class FindingsRow(Table):
    """The result of one study from one set of films by one model."""

    __tablename__ = "findings"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"))
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    input_digest: Mapped[str]
    outcome: Mapped[str]
    label: Mapped[str | None]
    probabilities: Mapped[dict[str, float] | None]
    unsuitable: Mapped[str | None]
    analysed_instance_id: Mapped[int | None] = mapped_column(ForeignKey("instances.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        one_of("outcome", Outcome),
        CheckConstraint("(probabilities IS NULL) = (unsuitable IS NOT NULL)", name="a_result_or_a_reason"),
        UniqueConstraint("study_id", "input_digest", "model_version_id"),
        Index("findings_made", "created_at", postgresql_using="brin"),
    )


class FindingsInstance(Table):
    """A film that findings speak about, with the content that it had then."""

    __tablename__ = "findings_instances"

    findings_id: Mapped[int] = mapped_column(ForeignKey("findings.id"), primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), primary_key=True)
    digest: Mapped[str | None]
    """Null in rows from before there was this column: the instance's own."""
    path: Mapped[str | None]
    view: Mapped[str | None]
    unsuitable: Mapped[str | None]
    """Why the film must not be classified; null: it may be, or the row is from before there was this column."""


class DutyRow(Table):
    """A duty, and its last run; see `domain.duties.DutyName`."""

    __tablename__ = "duties"

    name: Mapped[str] = mapped_column(primary_key=True)
    runs: Mapped[int] = mapped_column(server_default="0")
    failures: Mapped[int] = mapped_column(server_default="0")
    last_started_at: Mapped[datetime | None]
    last_finished_at: Mapped[datetime | None]
    last_seconds: Mapped[float | None]
    last_count: Mapped[int | None]
    """Of the last run that ended well; `domain.duties.COUNTED` says of what."""
    last_error: Mapped[str | None]
    """Why the last run failed; null: it did not."""


class Statistic(Table):
    """A figure of an hour."""

    __tablename__ = "statistics"

    at: Mapped[datetime] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]
