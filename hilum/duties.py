"""Wires the duties: what each one needs, and how often it is done."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from domain.duties import DutyName, StuckLimits
from domain.errors import Transient
from domain.worklist import WorklistTimes
from hilum import retention_duties, storage

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from db.engine import Engine
    from dicom_node.syslog import AuditRepository
    from hilum.metrics import Shown
    from hilum.settings import Settings
    from hilum.work_settings import Worklist
    from worker.duties import Duty
    from worker.events import Events

_STATISTICS_DAYS = 90
_MEGABYTE = 1_000_000


def serve(
    settings: Settings,
    engine: Engine,
    events: Events,
    stop: threading.Event,
    turned: Callable[[str], None],
    shown: Shown,
) -> None:
    """Stand by, and run the duties while no other scheduler does, until told to stop.

    `turned` is told again and again which of both.
    """
    from db.duty_book import PostgresDutyBook
    from db.scheduler_lock import PostgresSchedulerLock
    from worker import scheduler

    shown.is_ready.set()
    scheduler.serve(
        PostgresSchedulerLock(engine),
        lambda ended: duties(settings, engine, events, ended),
        PostgresDutyBook(engine),
        events,
        stop,
        turned,
        shown.meters,
    )


def every(settings: Settings, name: DutyName) -> timedelta:
    """Return how often a duty is done."""
    key = f"{name.value.replace('-', '_')}_every_seconds"
    return timedelta(seconds=getattr(settings.upkeep, key))


def duties(settings: Settings, engine: Engine, events: Events, ended: threading.Event) -> tuple[Duty, ...]:
    """Return all duties; those that take long end early when `ended` is set."""
    from worker.duties import Duty

    acts = {
        **_of_the_queue(settings, engine, events, ended),
        **_of_the_store(settings, engine, events, ended),
        **retention_duties.acts(settings, engine, events, ended),
    }
    return tuple(Duty(name=name, every=every(settings, name), act=acts[name]) for name in DutyName)


def _of_the_queue(
    settings: Settings, engine: Engine, events: Events, ended: threading.Event
) -> dict[DutyName, Callable[[], int]]:
    from db.outbox import PostgresDeliveries
    from db.queue import PostgresQueue
    from db.upkeep import PostgresUpkeep
    from db.worklist import PostgresWorklist
    from hilum.alarms import Alarms
    from worker import duties as done

    upkeep, queue, limits = PostgresUpkeep(engine), PostgresQueue(engine), settings.upkeep
    days = settings.retention.jobs_days
    return {
        DutyName.QUIET_SWEEP: partial(
            done.quiet_sweep,
            upkeep,
            events,
            ended,
            quiet=_longest_quiet(settings),
            window=timedelta(days=limits.quiet_sweep_days),
            max_attempts=settings.worker.max_attempts,
        ),
        DutyName.LEASE_REAPER: partial(done.lease_reaper, queue, events),
        DutyName.AGING: partial(done.aging, queue, events, step=timedelta(seconds=settings.worker.aging_seconds)),
        DutyName.FALLBACK: partial(done.fallback, PostgresDeliveries(engine), events, ended),
        DutyName.ESCALATION: partial(
            done.escalation,
            PostgresDeliveries(engine),
            Alarms(settings=settings.alarm, station=settings.node.ae_title),
            events,
            older_than=timedelta(seconds=limits.escalation_after_seconds),
        ),
        DutyName.WORKLIST: partial(
            done.worklist, PostgresWorklist(engine), events, ended, times=worklist_times(settings.worklist)
        ),
        DutyName.AUDIT_EXPORT: _audit_export(settings, engine, ended),
        DutyName.STUCK: partial(
            done.stuck,
            upkeep,
            events,
            limits=StuckLimits(
                waiting=timedelta(seconds=limits.stuck_waiting_seconds),
                leased=timedelta(seconds=limits.stuck_leased_seconds),
                undelivered=timedelta(seconds=limits.stuck_undelivered_seconds),
            ),
        ),
        DutyName.RETENTION: partial(
            done.retention, upkeep, events, ended, older_than=timedelta(days=days) if days else None
        ),
        DutyName.STATISTICS: partial(done.statistics, upkeep, events, keep=timedelta(days=_STATISTICS_DAYS)),
    }


def _of_the_store(
    settings: Settings, engine: Engine, events: Events, ended: threading.Event
) -> dict[DutyName, Callable[[], int]]:
    from hilum import archive_check
    from worker import duties as done

    return {
        DutyName.DISK_WATERMARK: partial(
            done.disk_watermark,
            partial(storage.free_bytes, settings),
            events,
            reserve_bytes=settings.node.reserve_megabytes * _MEGABYTE,
        ),
        DutyName.RECONCILE: partial(_reconcile, settings, engine, events, ended),
        DutyName.ARCHIVE_CHECK: partial(archive_check.check, settings, engine, events, ended),
    }


def _reconcile(settings: Settings, engine: Engine, events: Events, ended: threading.Event) -> int:
    """Compare store and database; return how many differences there were.

    Raises:
        Transient: store or database can't be reached.
        Misconfigured: the spool belongs to another user.
    """
    from dicom_node.reconcile import reconcile

    storage.refuse_another_owner(settings)
    rows = storage.intake(settings, engine)
    place = storage.storage(settings, rows, events)
    try:
        return reconcile(place, rows, ended)
    except OSError as error:
        raise Transient("the store can't be read") from error
    finally:
        rows.close()
        place.store.close()


def _audit_export(settings: Settings, engine: Engine, ended: threading.Event) -> Callable[[], int]:
    from db.audit import PostgresAuditTrail
    from dicom_node.syslog import send
    from worker import duties as done

    own = settings.audit
    source = settings.node.ae_title.replace(" ", "_")
    sending = partial(send, repository=audit_repository_of(settings), source=source) if own.syslog_host else None
    return partial(done.audit_export, PostgresAuditTrail(engine), own.repository or "", sending, ended)


def audit_repository_of(settings: Settings) -> AuditRepository:
    """Return where the audit trail is sent as well."""
    from dicom_node.syslog import AuditRepository

    own = settings.audit
    return AuditRepository(
        host=own.syslog_host,
        port=own.syslog_port,
        authorities=own.tls_authorities,
        certificate=own.tls_certificate,
        key=own.tls_key,
    )


def worklist_times(worklist: Worklist) -> WorklistTimes:
    """Return how long items of the reading worklist stay what they are."""
    return WorklistTimes(
        expire=timedelta(hours=worklist.expires_after_hours),
        claim=timedelta(hours=worklist.claim_hours),
        keep=timedelta(days=worklist.keep_days),
    )


def _longest_quiet(settings: Settings) -> timedelta:
    own = (peer.study_quiet_seconds for peer in settings.senders if peer.study_quiet_seconds is not None)
    return timedelta(seconds=max([settings.node.study_quiet_seconds, *own]))
