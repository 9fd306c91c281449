"""The meters that there are; docs/reference/metrics.md is made of this table."""

from __future__ import annotations

from typing import Final

from domain.meters import Meter, MeterKind

NODE: Final = "node"
WORKER: Final = "worker"
SCHEDULER: Final = "scheduler"
WEB: Final = "web"

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LONG_SECONDS: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_STUDIES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
_TENTHS: Final = tuple(tenth / 10 for tenth in range(1, 11))


def _counter(name: str, role: str, meaning: str, *labels: str) -> Meter:
    return Meter(name=name, kind=MeterKind.COUNTER, roles=(role,), meaning=meaning, labels=labels)


def _gauge(name: str, role: str, meaning: str, *labels: str) -> Meter:
    return Meter(name=name, kind=MeterKind.GAUGE, roles=(role,), meaning=meaning, labels=labels)


def _histogram(name: str, role: str, meaning: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Meter:
    return Meter(name=name, kind=MeterKind.HISTOGRAM, roles=(role,), meaning=meaning, labels=labels, buckets=buckets)


FILMS: Final = _counter("hilum_node_films_total", NODE, "Films answered, by the DIMSE status of the answer", "status")
RECEPTIONS: Final = _counter(
    "hilum_node_receptions_total",
    NODE,
    "Films that were stored or known, by what the database made of them",
    "reception",
)
FILM_BYTES: Final = _counter("hilum_node_film_bytes_total", NODE, "Bytes of the data sets of films that arrived whole")
RECEIVE_SECONDS: Final = _histogram(
    "hilum_node_receive_seconds", NODE, "From a film's command to its answer, by the status of the answer", "status"
)
ASSOCIATIONS: Final = _counter(
    "hilum_node_associations_total", NODE, "Associations asked for: taken, or why they were rejected", "outcome"
)
ECHOES: Final = _counter("hilum_node_echoes_total", NODE, "C-ECHO requests answered, those of our own watchdog too")
OPEN_ASSOCIATIONS: Final = _gauge(
    "hilum_node_open_associations", NODE, "Associations at this moment, in all receiving processes"
)

CLAIMS: Final = _counter("hilum_worker_claims_total", WORKER, "Jobs claimed, by lane", "lane")
WAIT_SECONDS: Final = _histogram(
    "hilum_worker_wait_seconds",
    WORKER,
    "How long claimed jobs had been due, by lane",
    "lane",
    buckets=_LONG_SECONDS,
)
JOBS: Final = _counter(
    "hilum_worker_jobs_total",
    WORKER,
    "Tries that ended, by lane and outcome: done, retried, held, or lost to another worker",
    "lane",
    "outcome",
)
JOB_SECONDS: Final = _histogram(
    "hilum_worker_job_seconds",
    WORKER,
    "How long tries took in the lanes of deliveries and commitments, failed ones too",
    "lane",
)
LEASES_LOST: Final = _counter(
    "hilum_worker_leases_lost_total",
    WORKER,
    "Jobs that had gone to another worker, by lane, and by whether that was noticed at the renewal or at the end",
    "lane",
    "noticed",
)
RESULTS: Final = _counter("hilum_worker_results_total", WORKER, "Results that were stored, by outcome", "outcome")
STAGE_SECONDS: Final = _histogram(
    "hilum_worker_stage_seconds",
    WORKER,
    "Stages of classifications: darkroom (with the wait for it; decode and preprocess are parts of it), for a study; "
    "network and settle, for a batch",
    "stage",
)
BATCH_STUDIES: Final = _histogram("hilum_worker_batch_studies", WORKER, "Studies computed at once", buckets=_STUDIES)
SCORES: Final = _histogram(
    "hilum_worker_score",
    WORKER,
    "Outputs of the network, 0 to 1, by network (name and version) and class",
    "network",
    "label",
    buckets=_TENTHS,
)

ACTIVE: Final = _gauge("hilum_scheduler_active", SCHEDULER, "1: this scheduler runs the duties; 0: it stands by")
DATABASE_UP: Final = _gauge("hilum_database_up", SCHEDULER, "1: the database answered this scrape; 0: it did not")
DATABASE_BYTES: Final = _gauge("hilum_database_bytes", SCHEDULER, "Size of the database on its server's disk")
QUEUE_JOBS: Final = _gauge(
    "hilum_queue_jobs",
    SCHEDULER,
    "Jobs by lane and state: waiting, of these due, leased, held",
    "lane",
    "state",
)
QUEUE_OLDEST: Final = _gauge(
    "hilum_queue_oldest_seconds", SCHEDULER, "For how long the first job of a lane is due (0: none is)", "lane"
)
PAUSED: Final = _gauge("hilum_queue_paused", SCHEDULER, "1 for each lane that is paused; an empty lane is all", "lane")
OPEN_DELIVERIES: Final = _gauge(
    "hilum_deliveries_open", SCHEDULER, "Objects that their peer has not accepted, by peer", "peer"
)
OLDEST_DELIVERY: Final = _gauge(
    "hilum_deliveries_oldest_seconds", SCHEDULER, "Age of the oldest of them (0: there is none)", "peer"
)
URGENT_UNDELIVERED: Final = _gauge(
    "hilum_urgent_results_undelivered", SCHEDULER, "Urgent results that their peers have not taken in time"
)
URGENT_OLDEST: Final = _gauge(
    "hilum_urgent_result_oldest_seconds", SCHEDULER, "Age of the oldest of them; 0 without any"
)
DUTY_RUNS: Final = _counter("hilum_duty_runs_total", SCHEDULER, "Runs of a duty, by any scheduler", "duty")
DUTY_FAILURES: Final = _counter("hilum_duty_failures_total", SCHEDULER, "Of these, runs that failed", "duty")
DUTY_SECONDS: Final = _gauge("hilum_duty_last_seconds", SCHEDULER, "How long the last run of a duty took", "duty")
DUTY_OVERDUE: Final = _gauge(
    "hilum_duty_overdue", SCHEDULER, "1: the duty has not begun for three of its intervals and a minute", "duty"
)

REQUESTS: Final = _counter(
    "hilum_web_requests_total",
    WEB,
    "Requests by the pattern of their address, and the status of the answer",
    "place",
    "status",
)
REQUEST_SECONDS: Final = _histogram(
    "hilum_web_request_seconds", WEB, "From request to the end of its answer; streams of events are left out", "place"
)
STREAMS: Final = _gauge("hilum_web_event_streams", WEB, "Pages that are being told of news at this moment")

FREE_BYTES: Final = Meter(
    name="hilum_disk_free_bytes",
    kind=MeterKind.GAUGE,
    roles=(NODE, SCHEDULER),
    meaning="Free space on the disk of this host's spool",
)
RESERVE_BYTES: Final = Meter(
    name="hilum_disk_reserve_bytes",
    kind=MeterKind.GAUGE,
    roles=(NODE, SCHEDULER),
    meaning="Free space below which no film is taken (`node.reserve_megabytes`)",
)

ALL: Final = tuple(value for value in list(globals().values()) if isinstance(value, Meter))


def of_role(role: str) -> tuple[Meter, ...]:
    """Return the meters of one kind of process."""
    return tuple(meter for meter in ALL if role in meter.roles)
