"""The files of an installation under systemd: what is to be there, what is there, and what is between them."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SHIPPED: Final = Path(__file__).parents[1] / "deploy" / "systemd"
"""Beside this package in the repository, and in an environment it is installed into."""
UNITS: Final = Path("etc/systemd/system")
"""Where a host says what it starts, and how many workers."""
SETTINGS: Final = Path("etc/hilum/hilum.toml")
CREDENTIALS: Final = Path("etc/hilum/credentials")

_PROGRAM: Final = "/opt/hilum/bin/hilum"
"""What starts Hilum in the shipped files."""
_ENABLED: Final = ("multi-user.target.wants", "hilum.target.wants")
_WORKER: Final = "hilum-worker@.service"
_FIRST_SETTINGS: Final = """\
# `hilum config show` lists all settings. Secrets are files in /etc/hilum/credentials: database.url, node.tls_key.
home = "/var/lib/hilum"

[node]
ae_title = "HILUM"
host = "0.0.0.0"
port = 11112

# Without [[peers]] anybody may send films, and results go nowhere.
# [[peers]]
# name = "pacs"
# ae_title = "MAINPACS"
# host = "10.0.0.10"
# port = 104
# may_send = true
# receives_results = true
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where the files lie that are the same on every host, below the root."""

    units: Path
    users: Path
    folders: Path
    admin: Path


OF_THE_SITE: Final = Places(
    units=UNITS,
    users=Path("etc/sysusers.d/hilum.conf"),
    folders=Path("etc/tmpfiles.d/hilum.conf"),
    admin=Path("usr/local/sbin/hilum-admin"),
)
"""Where `hilum install` writes them."""
OF_A_PACKAGE: Final = Places(
    units=Path("usr/lib/systemd/system"),
    users=Path("usr/lib/sysusers.d/hilum.conf"),
    folders=Path("usr/lib/tmpfiles.d/hilum.conf"),
    admin=Path("usr/sbin/hilum-admin"),
)
"""Where a package of the distribution brings them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A file, or a link where it leads somewhere."""

    text: str = ""
    mode: int = 0o644
    leads_to: str = ""
    is_kept: bool = False
    """Whether it is the operator's once it is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What is to be done about a path."""

    path: Path
    entry: Entry | None
    """None: it is removed."""
    word: str
    """new, changed, same, kept or removed."""
    difference: Sequence[str] = ()
    """Of a changed file, in lines."""


def places(root: Path) -> Places:
    """Return where the files are that are the same on every host: a package's, where there is one."""
    return OF_A_PACKAGE if (root / OF_A_PACKAGE.units / "hilum.target").exists() else OF_THE_SITE


def shipped(program: Path, where: Places) -> dict[Path, Entry]:
    """Return the files that are the same on every host, and the first settings, by their path below the root.

    Args:
        program: what starts Hilum.
        where: where they lie.
    """
    found = {
        where.units / file.name: Entry(text=_text(file, program))
        for file in sorted(SHIPPED.iterdir())
        if file.suffix in {".service", ".target", ".timer"}
    }
    found[where.users] = Entry(text=_text(SHIPPED / "hilum.sysusers", program))
    found[where.folders] = Entry(text=_text(SHIPPED / "hilum.tmpfiles", program))
    found[where.admin] = Entry(text=_text(SHIPPED / "hilum-admin", program), mode=0o755)
    found[SETTINGS] = Entry(text=_FIRST_SETTINGS, mode=0o640, is_kept=True)
    return found


def chosen(units: Iterable[str], worker: Mapping[str, str], where: Places, *, has_gpus: bool) -> dict[Path, Entry]:
    """Return what a host starts, and with what, by its path below the root.

    Args:
        units: those that are started with the machine.
        worker: what every worker's environment has beside the others'.
        where: where the units lie.
        has_gpus: whether workers compute on them.
    """
    found = {}
    if has_gpus:
        text = (SHIPPED / "gpu.conf").read_text(encoding="utf-8")
        found[UNITS / f"{_WORKER}.d" / "gpu.conf"] = Entry(text=text)
    if worker:
        lines = [f"Environment={name}={value}" for name, value in sorted(worker.items())]
        text = "\n".join(["# Each worker's share of the cores.", "[Service]", *lines, ""])
        found[UNITS / f"{_WORKER}.d" / "cores.conf"] = Entry(text=text)
    for unit in units:
        folder = _ENABLED[0] if unit in {"hilum.service", "hilum.target"} else _ENABLED[1]
        template = _WORKER if unit.startswith("hilum-worker@") else unit
        found[UNITS / folder / unit] = Entry(leads_to=f"/{where.units / template}")
    return found


def changes(root: Path, entries: Mapping[Path, Entry]) -> list[Change]:
    """Compare what is to be there with what is there; what is ours and not wanted any more is removed."""
    found = [_change(root / path, entry) for path, entry in entries.items()]
    return found + [Change(path=path, entry=None, word="removed") for path in ours(root, set(entries))]


def ours(root: Path, but: set[Path]) -> Iterator[Path]:
    """Yield what an installation left below a root, but for some paths, settings and secrets."""
    folders = [UNITS, *(UNITS / name for name in (*_ENABLED, f"{_WORKER}.d"))]
    names = {file.name for file in SHIPPED.iterdir()} | {"cores.conf"}
    for folder in folders:
        for path in sorted((root / folder).glob("*")):
            is_ours = path.name in names or (path.is_symlink() and path.name.startswith("hilum-worker@"))
            if is_ours and path.relative_to(root) not in but and not path.is_dir():
                yield path
    others = (OF_THE_SITE.users, OF_THE_SITE.folders, OF_THE_SITE.admin)
    yield from (root / path for path in others if path not in but and (root / path).exists())


def apply(change: Change) -> None:
    """Do what is to be done.

    Raises:
        OSError: it can't be done.
    """
    if change.word in {"same", "kept"}:
        return
    if change.entry is None:
        change.path.unlink()
        return
    change.path.parent.mkdir(parents=True, exist_ok=True)
    if change.entry.leads_to:
        change.path.unlink(missing_ok=True)
        change.path.symlink_to(change.entry.leads_to)
        return
    draft = change.path.with_name(f".{change.path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, change.entry.mode), "w") as file:
        file.write(change.entry.text)
        os.fchmod(file.fileno(), change.entry.mode)
    draft.replace(change.path)


def _change(path: Path, entry: Entry) -> Change:
    if not os.path.lexists(path):
        return Change(path=path, entry=entry, word="new")
    if entry.is_kept:
        return Change(path=path, entry=entry, word="kept")
    if entry.leads_to:
        is_there = path.is_symlink() and str(path.readlink()) == entry.leads_to
        return Change(path=path, entry=entry, word="same" if is_there else "changed")
    before = path.read_text(encoding="utf-8", errors="replace")
    if before == entry.text:
        return Change(path=path, entry=entry, word="same")
    lines = difflib.unified_diff(before.splitlines(), entry.text.splitlines(), "there", "new", lineterm="", n=0)
    return Change(path=path, entry=entry, word="changed", difference=list(lines)[2:])


def _text(file: Path, program: Path) -> str:
    return file.read_text(encoding="utf-8").replace(_PROGRAM, str(program))
