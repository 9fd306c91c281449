"""The disks of films, database and networks: room, speed, and whether a film can be put in its place at once."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil

from hilum.doctor.check import failure, not_applicable, ok, warning
from hilum.doctor.database import is_embedded
from hilum.doctor.installation import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hilum.doctor.check import Finding
    from hilum.settings import Settings

_MB = 1_000_000
_FEW_INODES, _SMALL_SHARE = 10_000, 0.05
_SYNCS = 20
_SYNC_BYTES = 4096
_SLOW_SYNC_S, _UNUSABLE_SYNC_S = 0.1, 2.0
"""A film waits for three syncs, its file, its folder and the commit: with 0.1 s each a sender waits 0.3 s, and one
association brings three films a second. With 2 s modalities give up."""
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.glusterfs"}
_VOLATILE = {"tmpfs", "ramfs"}
_RISKY = {"nobarrier", "barrier=0", "data=writeback"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mount:
    """The file system that a folder lies on."""

    point: str
    kind: str
    options: frozenset[str]


def folders(settings: Settings) -> Mapping[str, Path]:
    """Return the folders that matter, by what they are for; not all need exist."""
    found = {"home": settings.home, "spool": settings.spool}
    return {**found, "database": settings.embedded_data} if is_embedded(settings) else found


def space(settings: Settings) -> Iterator[Finding]:
    """Look at the free space of each disk, and at its inodes."""
    for names, folder in _by_disk(folders(settings)):
        disk = os.statvfs(folder)
        free = disk.f_bavail * disk.f_frsize // _MB
        reserve = settings.node.reserve_megabytes
        told = f"{names} ({folder}): {free} MB free, node.reserve_megabytes is {reserve}"
        how = "make room, or use a larger disk (home, store.url)"
        if free <= reserve:
            yield failure(f"{told}: films are refused", how)
        elif free <= 2 * reserve:
            yield warning(told, how)
        else:
            yield ok(told)
        if disk.f_files and disk.f_favail < min(_FEW_INODES, _SMALL_SHARE * disk.f_files):
            yield warning(f"{names} ({folder}): {disk.f_favail} more files fit (inodes)", how)


def _by_disk(places: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Yield one folder of each disk, with the names of all that lie on it."""
    disks: dict[int, list[tuple[str, Path]]] = {}
    for name, folder in places.items():
        here = nearest(folder)
        disks.setdefault(here.stat().st_dev, []).append((name, here))
    for found in disks.values():
        yield ", ".join(name for name, _ in found), found[0][1]


def speed(settings: Settings) -> Iterator[Finding]:
    """Measure how long a small file takes to be safe, where films arrive."""
    folder = nearest(settings.spool / "incoming")
    if not os.access(folder, os.W_OK | os.X_OK):
        yield not_applicable(f"{folder} can't be written by who runs this")
        return
    times = sorted(_sync_times(folder))
    half, most = times[len(times) // 2], times[int(len(times) * 0.95)]
    yield from sync_speed(half, most)


def sync_speed(half: float, most: float) -> Iterator[Finding]:
    """Judge the median and the 95th percentile of the seconds that a sync takes."""
    told = f"a sync of {_SYNC_BYTES} bytes takes {half * 1000:.1f} ms (p95 {most * 1000:.1f} ms)"
    how = "use a local SSD for home and store, one that other programs leave time for"
    if half > _UNUSABLE_SYNC_S:
        yield failure(told, how)
    elif most > _SLOW_SYNC_S:
        yield warning(told, how)
    else:
        yield ok(told)


def _sync_times(folder: Path) -> Iterator[float]:
    probe = folder / f".hilum-doctor-{uuid4().hex}"
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for _ in range(_SYNCS):
            os.write(descriptor, bytes(_SYNC_BYTES))
            begun = time.perf_counter()
            os.fsync(descriptor)
            yield time.perf_counter() - begun
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            probe.unlink()


def shelves(settings: Settings) -> Iterator[Finding]:
    """Look whether a film that has arrived can be renamed into its place: from one file system to the same."""
    drafts = settings.spool / "incoming"
    if settings.store.is_bucket or not drafts.is_dir():
        yield not_applicable("films are uploaded to a bucket" if settings.store.is_bucket else f"no {drafts} yet")
        return
    here = drafts.stat().st_dev
    elsewhere = [path.name for path in sorted(settings.spool.iterdir()) if path.is_dir() and path.stat().st_dev != here]
    if elsewhere:
        yield failure(
            f"{settings.spool}: {', '.join(elsewhere)} are file systems of their own: no film can be renamed",
            "mount the whole spool, not folders in it",
        )
    else:
        yield ok(f"{settings.spool} is one file system")


def mounts(settings: Settings) -> Iterator[Finding]:
    """Look at the file systems and how they are mounted."""
    table = [
        Mount(point=part.mountpoint, kind=part.fstype, options=frozenset(part.opts.split(",")))
        for part in psutil.disk_partitions(all=True)
    ]
    for name, folder in folders(settings).items():
        mount = mount_of(nearest(folder).resolve(), table)
        yield from mounted(name, mount) if mount else (not_applicable(f"{name}: nobody knows how it is mounted"),)


def mount_of(folder: Path, table: Sequence[Mount]) -> Mount | None:
    """Return what a folder lies on; of several mounts on one point the last one counts."""
    above = [mount for mount in table if folder.is_relative_to(mount.point)]
    return max(reversed(above), key=lambda mount: len(mount.point), default=None)


def mounted(name: str, mount: Mount) -> Iterator[Finding]:
    """Judge a file system for what lies on it."""
    told = f"{name}: {mount.kind} at {mount.point}"
    risks = sorted(_RISKY & mount.options)
    if "ro" in mount.options:
        yield failure(f"{told} is mounted read-only", f"mount -o remount,rw {mount.point}; see dmesg for why")
    elif mount.kind in _VOLATILE:
        yield warning(f"{told} is memory: all of it is gone with the power", "choose a disk (home, store.url)")
    elif mount.kind in _NETWORK and name == "database":
        yield failure(f"{told} is a network's: PostgreSQL can lose data there", "choose a local disk for home")
    elif mount.kind in _NETWORK:
        soft = " and soft: writes can get lost" if "soft" in mount.options else ""
        yield warning(f"{told} is a network's{soft}", "see that the server syncs (export it with sync), mount it hard")
    elif risks:
        yield warning(f"{told} is mounted with {', '.join(risks)}", "mount it without")
    else:
        yield ok(told)
