"""The settings of the work behind the node: workers, upkeep, alarms, worklist."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from hilum.section import Section


class Worker(Section):
    """The process that classifies studies and delivers reports."""

    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="auto, cpu or gpu: what computes the network; auto takes a GPU where TensorFlow sees one"
    )
    processes: int = Field(
        0,
        ge=0,
        le=64,
        description="workers that `hilum up` runs, 1 to 64; 0: one for each GPU, or one for each 4 cores, at least 2",
    )
    threads: int = Field(0, ge=0, le=256, description="cores for the network on the CPU, 1 to 256; 0 takes all")
    batch: int = Field(0, ge=0, le=256, description="studies computed at once, 1 to 256; 0: 4 on the CPU, 32 on a GPU")
    batch_wait_milliseconds: float = Field(
        25, ge=0, le=10_000, description="milliseconds that a study waits for others that are being read, 0 to 10000"
    )
    decoders: int = Field(
        0, ge=0, le=64, description="processes that read films, 1 to 64; 0: one for each core, at most 4, 16 for a GPU"
    )
    decode_seconds: float = Field(
        60, ge=1, le=3600, description="seconds, 1 to 3600, that reading the films of one study may take"
    )
    decode_megabytes: int = Field(
        2048, ge=256, le=1_000_000, description="memory, in MB, that reading one film may take"
    )
    lease_seconds: float = Field(
        20, ge=1, le=3600, description="seconds, 1 to 3600: work of a worker that died is taken up after this long"
    )
    aging_seconds: float = Field(
        900,
        ge=10,
        le=86400,
        description="seconds, 10 to 86400: what is due for this long rises from LOW to ROUTINE, for twice as long from "
        "ROUTINE to HIGH",
    )
    max_attempts: int = Field(5, ge=1, le=100, description="tries of a classification before it is held, 1 to 100")
    commitment_seconds: float = Field(
        900,
        ge=1,
        le=604800,
        description="seconds, 1 to 604800, that a peer may take to answer whether it keeps what it accepted, before it "
        "is asked again",
    )
    shadow_backlog: int = Field(
        200,
        ge=1,
        le=100_000,
        description="studies, 1 to 100000, that may wait for the shadow or be held; what comes beyond is skipped",
    )
    shadow_seconds: float = Field(
        60, ge=1, le=3600, description="seconds, 1 to 3600, that the shadow may take for one study"
    )
    shadow_megabytes: int = Field(
        2048, ge=64, le=1_000_000, description="memory, in MB, that one study may take in the shadow's process"
    )
    retry_seconds: float = Field(
        2, gt=0, le=600, description="seconds before the second try, above 0 to 600; doubles with each further one"
    )
    retry_limit_seconds: float = Field(60, gt=0, le=86400, description="seconds, the longest pause between two tries")


class Models(Section):
    """What is asked of a network before it is put to work."""

    gate: Literal["off", "warn", "require"] = Field(
        "warn",
        description="off, warn or require: whether a network that is activated must have passed `hilum models replay`",
    )


Interval = Annotated[float, Field(ge=1, le=604800)]


class Upkeep(Section):
    """What the scheduler does again and again."""

    quiet_sweep_every_seconds: Interval = Field(
        300, description="seconds between two looks for studies that nobody is going to classify"
    )
    quiet_sweep_days: float = Field(
        7, gt=0, le=3650, description="days: how far back films are looked at for that, by their reception"
    )
    lease_reaper_every_seconds: Interval = Field(
        10, description="seconds between two looks for expired leases; workers look for them too"
    )
    aging_every_seconds: Interval = Field(
        60, description="seconds between two looks for what rises by waiting (`worker.aging_seconds`)"
    )
    fallback_every_seconds: Interval = Field(
        30, description="seconds between two looks for what goes to another peer (`routes.instead`)"
    )
    escalation_every_seconds: Interval = Field(
        60, description="seconds between two looks for urgent results that reach nobody"
    )
    escalation_after_seconds: float = Field(
        600,
        gt=0,
        description="seconds: a result of an urgent study, or one that names a disease, which its peer has not taken "
        "for longer raises an alarm (`alarm`)",
    )
    stuck_every_seconds: Interval = Field(300, description="seconds between two looks for work that does not get on")
    stuck_waiting_seconds: float = Field(
        1800, gt=0, description="seconds: a job that is due for longer and is not claimed is stuck, but in a pause"
    )
    stuck_leased_seconds: float = Field(
        1800, gt=0, description="seconds: a job that a worker has had in hand for longer is stuck"
    )
    stuck_undelivered_seconds: float = Field(
        3600, gt=0, description="seconds: a report that its peer has not acknowledged for longer is stuck"
    )
    retention_every_seconds: Interval = Field(3600, description="seconds between two moves of old jobs to the archive")
    old_films_every_seconds: Interval = Field(
        3600, description="seconds between two looks for films whose time is over (`retention.films_days`)"
    )
    old_results_every_seconds: Interval = Field(
        86400, description="seconds between two looks for results whose time is over (`retention.results_days`)"
    )
    old_audit_every_seconds: Interval = Field(
        86400, description="seconds between two looks for old records of the audit trail (`retention.audit_days`)"
    )
    make_room_every_seconds: Interval = Field(
        60, description="seconds between two looks whether room is to be made (`retention.make_room_below_megabytes`)"
    )
    disk_watermark_every_seconds: Interval = Field(
        60, description="seconds between two looks at the free space of the spool's disk"
    )
    reconcile_every_seconds: Interval = Field(
        86400, description="seconds between two comparisons of spool and database"
    )
    worklist_every_seconds: Interval = Field(
        60, description="seconds between two looks for items of the reading worklist whose time is over"
    )
    archive_check_every_seconds: Interval = Field(
        86400, description="seconds between two comparisons with the archives (`peers.reconciled`)"
    )
    audit_export_every_seconds: Interval = Field(
        60, description="seconds between two looks for what is new in the audit trail (`audit.syslog_host`)"
    )
    archive_check_days: int = Field(
        1, ge=0, le=365, description="days: how far back their films are looked at, by Study Date; 0: today's"
    )
    statistics_every_seconds: Interval = Field(3600, description="seconds between two writings of the hour's figures")


class Alarm(Section):
    """Who is told that urgent results reach nobody, beside the log; no patient's data is in it."""

    webhook: SecretStr | None = Field(
        None, description="an http or https address that JSON is posted to; it may hold a key and is not shown"
    )
    smtp_host: str = Field("127.0.0.1", min_length=1, description="a mail server")
    smtp_port: int = Field(25, ge=1, le=65535, description="a TCP port from 1 to 65535")
    smtp_starttls: bool = Field(False, description="true or false: mail goes by TLS (STARTTLS)")  # noqa: FBT003 - a default
    mail_from: str = Field("hilum@localhost", min_length=3, description="the address that mails come from")
    mail_to: tuple[str, ...] = Field((), description="addresses that get a mail; empty: none is sent")

    @field_validator("webhook")
    @classmethod
    def _is_http(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("no http or https address")
        return value


class Worklist(Section):
    """The studies to read, for workstations that ask for them (`peers.reads_worklist`)."""

    label: str = Field("HILUM", max_length=64, description="Worklist Label (0074,1202); at most 64 characters")
    retrieve_ae_title: str = Field(
        "",
        max_length=16,
        description="the AE title that films can be retrieved from, of your PACS; empty: of whoever sent them here",
    )
    expires_after_hours: float = Field(
        72, gt=0, le=8760, description="hours, to 8760, after which a study that nobody began to read leaves the list"
    )
    claim_hours: float = Field(
        12,
        gt=0,
        le=8760,
        description="hours, to 8760, after which a study that was claimed and not ended is offered anew",
    )
    keep_days: float = Field(7, gt=0, le=3650, description="days, to 3650, that ended items can still be looked at")
