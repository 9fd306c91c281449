"""Whether this machine is large enough for what the settings let run on it."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from hilum import machine, supervise
from hilum.doctor.check import failure, not_applicable, ok, warning
from hilum.doctor.database import is_embedded
from hilum.node_processes import receiving
from hilum.settings import DECODERS_VARIABLE, THREADS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.doctor.check import Finding
    from hilum.settings import Settings

_MB = 1_000_000
_RECEIVING_MB, _WORKER_MB, _GPU_WORKER_MB, _DECODER_MB, _OTHER_MB, _POSTGRESQL_MB = 95, 300, 3000, 95, 260, 200
"""Of a process, in ordinary work; measured with the shipped network, but for a GPU, which is an estimate."""
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Of a container, of either kind of control groups."""
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the kernel's own place
_LEAST_SHARED_MB = 64
_FILES, _FILES_A_CALLER = 128, 3
"""Open files of a receiving process at rest, its connections to the database included; and for each association."""


def memory(settings: Settings) -> Iterator[Finding]:
    """Compare the memory of this machine, or of our share of it, with what all processes need."""
    yield from enough_memory(memory_mb(), needed_mb(settings), settings.worker.decode_megabytes)


def enough_memory(there: int, needed: int, one_film: int) -> Iterator[Finding]:
    """Judge memory, in MB: what there is, what is needed, what reading one film may take beside that."""
    told = f"{there} MB; the processes of these settings need about {needed} MB"
    how = "add memory, or lower worker.processes, worker.decoders or node.processes"
    if there < needed:
        yield failure(told, how)
    elif there < needed + one_film:
        yield warning(f"{told}, and a large film up to {one_film} MB", f"{how}, or worker.decode_megabytes")
    else:
        yield ok(told)


def memory_mb() -> int:
    """Return the memory that there is for us, in MB."""
    limits = [int(path.read_text()) for path in _LIMITS if path.is_file() and path.read_text().strip() != "max"]
    return min([psutil.virtual_memory().total, *limits]) // _MB


def needed_mb(settings: Settings) -> int:
    """Return about how much memory all processes of these settings take, in MB."""
    has_gpu = settings.worker.device != "cpu" and bool(machine.gpus())
    workers = supervise.worker_environments(settings.worker)
    decoders = sum(int(worker.get(DECODERS_VARIABLE, settings.worker.decoders)) for worker in workers)
    others = len(supervise.roles(settings)) - 1  # the supervisor, and all roles but node and worker
    return (
        (1 + receiving(settings)) * _RECEIVING_MB
        + len(workers) * (_GPU_WORKER_MB if has_gpu else _WORKER_MB)
        + (decoders or len(workers) * machine.cores()) * _DECODER_MB
        + others * _OTHER_MB
        + (_POSTGRESQL_MB if is_embedded(settings) else 0)
    )


def open_files(settings: Settings, limit: int | None = None) -> Iterator[Finding]:
    """Compare how many files a process may open with what the node opens when all senders call; None: our own limit."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    needed = _FILES + _FILES_A_CALLER * settings.node.maximum_associations
    if most != resource.RLIM_INFINITY and most < needed:
        yield failure(
            f"a process may open {most} files; with all senders calling the node needs {needed}",
            f"LimitNOFILE={2 * needed} in the systemd unit, or ulimit -n {2 * needed}; or lower "
            "node.maximum_associations",
        )
    else:
        yield ok(f"a process may open {'any number of' if most == resource.RLIM_INFINITY else most} files")


def cores(settings: Settings) -> Iterator[Finding]:
    """Compare the cores with the processes and threads that the settings ask for."""
    there = machine.cores()
    workers = supervise.worker_environments(settings.worker)
    threads = sum(int(worker.get(THREADS_VARIABLE, settings.worker.threads)) for worker in workers)
    told = f"{there} cores; {len(workers)} workers with {threads} threads, {receiving(settings)} receiving processes"
    if settings.worker.device != "gpu" and threads > there:
        yield warning(f"{told}: they are in each other's way", "lower worker.processes or worker.threads, or leave 0")
    elif settings.node.processes > 2 * there:
        yield warning(f"{told}: so many receive no faster", "lower node.processes, or leave 0")
    else:
        yield ok(told)


def shared_memory(settings: Settings) -> Iterator[Finding]:
    """Look whether the embedded server finds the shared memory that it asks for."""
    if not is_embedded(settings):
        yield not_applicable("the database's server is not ours")
        return
    disk = os.statvfs(_SHARED_MEMORY)
    yield from enough_shared(disk.f_bavail * disk.f_frsize // _MB)


def enough_shared(free: int) -> Iterator[Finding]:
    """Judge the free space of shared memory, in MB."""
    if free < _LEAST_SHARED_MB:
        yield failure(
            f"{_SHARED_MEMORY}: {free} MB free, PostgreSQL may need {_LEAST_SHARED_MB}",
            f"mount -o remount,size=256m {_SHARED_MEMORY}; docker run --shm-size=256m",
        )
    else:
        yield ok(f"{_SHARED_MEMORY}: {free} MB free")
