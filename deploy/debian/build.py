"""Builds Hilum's Debian package: `make deb`.

An environment from the locked requirements, moved to /opt/hilum; the units that `hilum install` writes, where a package
has them; and the scripts beside this file. For the Debian, the Python and the processor of the machine that builds.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))  # it is run as a file

from hilum import systemd_files  # noqa: E402 - after the repository is found

HERE: Final = REPOSITORY / "deploy" / "debian"
HOME: Final = Path("opt/hilum")
DOCUMENTS: Final = Path("usr/share/doc/hilum")
OVERRIDES: Final = Path("usr/share/lintian/overrides/hilum")
SCRIPTS: Final = ("preinst", "postinst", "prerm", "postrm")
CONTROL: Final = Path("DEBIAN")

_PROJECT: Final = "pyproject.toml"
_KEPT_PROGRAMS: Final = re.compile(r"hilum|python[0-9.]*")
"""Of the environment's; the libraries bring their own storescu and others, under the names of well-known programs."""
_OF_THIS_BUILD: Final = re.compile(r"^\.\./\.\./\.\./bin/|/uv_cache\.json,")
"""What lists of installed files say of programs, and of uv's notes: it changes with the folder and the time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """What is built."""

    version: str
    """Right for Debian and for Python (PEP 440)."""
    moment: int
    """The newest time of any file, in seconds since 1970."""
    maintainer: str
    architecture: str
    python: tuple[int, int]


def main() -> None:
    """Build it, and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uv", required=True, help="the program uv")
    parser.add_argument("--python", default="/usr/bin/python3", help="Debian's own Python (default: %(default)s)")
    parser.add_argument("--version", help="instead of the project's version with the commit's time and name")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "build", help="where to (default: build)")
    given = parser.parse_args()
    release = Release(
        version=given.version or version(),
        moment=moment(),
        maintainer=maintainer(),
        architecture=_output("dpkg", "--print-architecture"),
        python=_version_of(given.python),
    )
    work = given.folder.resolve() / "deb"
    shutil.rmtree(work, ignore_errors=True)
    root = work / "root"
    write_files(root, release)
    write_environment(root, work, release, uv=given.uv, python=given.python)
    print(pack(root, given.folder, release))  # noqa: T201 - a command's result


def version() -> str:
    """Return the project's version if the commit has its tag; else one above it, that grows with each commit."""
    released = str(tomllib.loads((REPOSITORY / _PROJECT).read_text(encoding="utf-8"))["project"]["version"])
    is_changed = bool(_git("status", "--porcelain"))
    if f"v{released}" in _git("tag", "--points-at", "HEAD").split() and not is_changed:
        return released
    return between_releases(released, _commit_moment(), _git("rev-parse", "--short=8", "HEAD"), is_changed=is_changed)


def between_releases(released: str, moment: int, commit: str, *, is_changed: bool) -> str:
    """Return the version of a developer's build: above the last release, below the next."""
    time = datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d%H%M%S")
    return f"{released}+git{time}.{commit}" + (".changed" if is_changed else "")


def moment() -> int:
    """Return the time that everything in the package has: the commit's, unless SOURCE_DATE_EPOCH says another."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or _commit_moment())


def maintainer() -> str:
    """Return whom the package names: who builds it, by Debian's variables."""
    return f"{os.environ.get('DEBFULLNAME', 'Hilum')} <{os.environ.get('DEBEMAIL', 'root@localhost')}>"


def write_files(root: Path, release: Release) -> None:
    """Write all below a root but the environment: units, settings, documents, and what dpkg is told."""
    entries = systemd_files.shipped(Path("/") / HOME / "bin" / "hilum", systemd_files.OF_A_PACKAGE)
    for change in systemd_files.changes(root, entries):
        systemd_files.apply(change)
    _write_documents(root, release)
    control = root / CONTROL
    control.mkdir()
    for name in SCRIPTS:
        shutil.copy(HERE / name, control)
        (control / name).chmod(0o755)
    (control / "conffiles").write_text(f"/{systemd_files.SETTINGS}\n", encoding="utf-8")


def write_environment(root: Path, work: Path, release: Release, *, uv: str, python: str) -> None:
    """Write /opt/hilum: an environment with the locked libraries and with Hilum, that knows nothing of its birthplace.

    Raises:
        SystemExit: a path of this machine is left in it.
    """
    place = root / HOME
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(release.moment), "UV_LINK_MODE": "copy"}
    source = _copy_of_the_source(work / "source", release)
    install = [uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python3")]
    wheels = str(work / "wheel")
    for command in (
        [python, "-m", "venv", "--without-pip", str(place)],
        [*install, "--require-hashes", "-r", str(source / "requirements" / "base.lock")],
        [uv, "build", "--quiet", "--wheel", "--out-dir", wheels, str(source)],
        [*install, "--no-deps", "--no-index", "--find-links", wheels, f"hilum=={release.version}"],
    ):
        subprocess.run(command, check=True, env=environment)
    _move(place, root)
    # Hashes are not looked at: who changes a module by hand changes a package's file.
    compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", "/"]
    subprocess.run([python, *compiling, str(place / "lib")], check=True, env=environment)
    if _output("grep", "-rlF", "--", str(work), str(place), is_fine=(0, 1)):
        raise SystemExit(f"paths of this machine are left in {place}: grep -rF {work} {place}")


def pack(root: Path, folder: Path, release: Release) -> Path:
    """Return the package of all that lies below a root."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    payload = [path for path in files if root / CONTROL not in path.parents]
    size = sum(path.stat().st_size for path in payload) // 1024
    (root / CONTROL / "control").write_text(_control(release, size), encoding="utf-8")
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in payload]  # noqa: S324 - dpkg's own format
    (root / CONTROL / "md5sums").write_text("".join(sums), encoding="utf-8")
    for path in [root, *root.rglob("*")]:
        _settle(path, release, keeps_mode=root / "etc" in path.parents)
    file = folder / f"hilum_{release.version}_{release.architecture}.deb"
    # zstd, since no film is taken while files are unpacked: xz takes several times as long.
    command = ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z12", "--build", str(root), str(file)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(release.moment)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return file


def _settle(path: Path, release: Release, *, keeps_mode: bool) -> None:
    """Give a path the mode and the time that it has whoever builds."""
    if not path.is_symlink() and (path.is_dir() or not keeps_mode):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    os.utime(path, (release.moment, release.moment), follow_symlinks=False)


def _write_documents(root: Path, release: Release) -> None:
    place = root / DOCUMENTS
    shutil.copytree(REPOSITORY / "docs", place / "docs", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for file in (REPOSITORY / "README.md", HERE / "copyright"):
        shutil.copy(file, place)
    (place / "changelog.gz").write_bytes(gzip.compress(_changelog(release).encode(), mtime=0))
    (root / OVERRIDES).parent.mkdir(parents=True)
    shutil.copy(HERE / "lintian-overrides", root / OVERRIDES)


def _changelog(release: Release) -> str:
    """Return what changed since the last release, in Debian's form."""
    fragments = sorted((REPOSITORY / "changelog.d").glob("*.md"))
    texts = [" ".join(file.read_text(encoding="utf-8").split()) for file in fragments]
    form = textwrap.TextWrapper(78, initial_indent="  * ", subsequent_indent="    ", break_long_words=False)
    lines = [form.fill(text) for text in texts]
    date = format_datetime(datetime.fromtimestamp(release.moment, UTC))
    return "\n".join(
        [f"hilum ({release.version}) unstable; urgency=medium", "", *lines, "", f" -- {release.maintainer}  {date}", ""]
    )


def _control(release: Release, size: int) -> str:
    major, minor = release.python
    text = (HERE / "control").read_text(encoding="utf-8")
    for name, value in {
        "VERSION": release.version,
        "ARCHITECTURE": release.architecture,
        "MAINTAINER": release.maintainer,
        "SIZE": str(size),
        "PYTHON": f"{major}.{minor}",
        "NEXT_PYTHON": f"{major}.{minor + 1}",
    }.items():
        text = text.replace(f"@{name}@", value)
    return text


def _copy_of_the_source(place: Path, release: Release) -> Path:
    """Return a folder with the files that git knows, which say the version that is built."""
    for name in _git("ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (REPOSITORY / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, place / name)
    for name, key in ((_PROJECT, "version"), ("hilum/__init__.py", "__version__")):
        text = (place / name).read_text(encoding="utf-8")
        said = re.sub(rf'^{key} = ".*"$', f'{key} = "{release.version}"', text, count=1, flags=re.MULTILINE)
        (place / name).write_text(said, encoding="utf-8")
    return place


def _move(place: Path, root: Path) -> None:
    """Let an environment say that it lies where the package will have it."""
    for program in (place / "bin").iterdir():
        if not _KEPT_PROGRAMS.fullmatch(program.name):
            program.unlink()
    for file in (place / "bin" / "hilum", place / "pyvenv.cfg"):
        file.write_text(file.read_text(encoding="utf-8").replace(f"{root}/", "/"), encoding="utf-8")
    for cached in place.rglob("uv_cache.json"):
        cached.unlink()
    for record in place.rglob("*.dist-info/RECORD"):
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        record.write_text("".join(line for line in lines if not _OF_THIS_BUILD.search(line)), encoding="utf-8")


def _version_of(python: str) -> tuple[int, int]:
    major, minor = _output(python, "-c", "import sys; print(*sys.version_info[:2])").split()
    return int(major), int(minor)


def _commit_moment() -> int:
    return int(_git("show", "--no-patch", "--format=%ct", "HEAD"))


def _git(*arguments: str) -> str:
    return _output("git", "-C", str(REPOSITORY), *arguments)


def _output(*command: str, is_fine: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode not in is_fine:
        raise SystemExit(f"{' '.join(command)} ended with status {done.returncode}")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
