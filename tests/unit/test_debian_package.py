"""The Debian package but for its environment: what it brings, what dpkg is told, what its scripts keep."""

from __future__ import annotations

import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.version import Version

from deploy.debian import build
from hilum import systemd_files
from tests.peers import DPKG_DEB, require

pytestmark = pytest.mark.peers

RELEASE = build.Release(
    version="0.1.0+git20261127220835.0a1b2c3d",
    moment=1_795_817_315,
    maintainer="Hilum <root@localhost>",
    architecture="amd64",
    python=(3, 11),
)
FILMS = Path("var/lib/hilum/spool")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is packed, with an empty environment."""
    root = tmp_path_factory.mktemp("package") / "root"
    build.write_files(root, RELEASE)
    (root / build.HOME).mkdir(parents=True)
    return root


@pytest.fixture(scope="module")
def package(root: Path) -> Path:
    """The package of it."""
    require(DPKG_DEB)
    return build.pack(root, root.parent, RELEASE)


def asked(*arguments: str | Path) -> str:
    return subprocess.run([DPKG_DEB, *arguments], check=True, capture_output=True, text=True).stdout


def script(name: str, *arguments: str, below: Path) -> subprocess.CompletedProcess[str]:
    """Run a script of the package's for another root."""
    command = ["/bin/sh", str(build.HERE / name), *arguments]
    environment = {**os.environ, "DPKG_ROOT": str(below)}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


def put(entries: dict[Path, systemd_files.Entry], root: Path) -> None:
    for change in systemd_files.changes(root, entries):
        systemd_files.apply(change)


def test_it_brings_the_units_of_hilum_install(root: Path) -> None:
    """Where a package has them; of /etc it holds the settings file only, since the rest is each host's choice."""
    units = {path.name: path.read_text() for path in (root / "usr/lib/systemd/system").iterdir()}
    shipped = [path for path in systemd_files.SHIPPED.iterdir() if path.name in units]
    assert {"hilum.target", "hilum-node.service", "hilum-worker@.service"} < set(units)
    assert units == {path.name: path.read_text() for path in shipped}
    assert [path.relative_to(root) for path in (root / "etc").rglob("*") if path.is_file()] == [systemd_files.SETTINGS]


def test_dpkg_lists_what_is_expected(package: Path) -> None:
    """All of it is root's, and the settings file is not everybody's to read."""
    lines = [re.split(r" +", line, maxsplit=5) for line in asked("--contents", package).splitlines()]
    modes = {name: mode for mode, _, _, _, _, name in lines}
    assert {owner for _, owner, _, _, _, _ in lines} == {"root/root"}
    assert modes["./etc/hilum/hilum.toml"] == "-rw-r-----"
    assert modes["./usr/sbin/hilum-admin"] == "-rwxr-xr-x"
    documents = ("docs/how-to/debian-package.md", "copyright", "changelog.gz", "README.md")
    others = ("/opt/hilum/", "/usr/lib/sysusers.d/hilum.conf", "/usr/lib/tmpfiles.d/hilum.conf")
    expected = {f".{path}" for path in others} | {f"./usr/share/doc/hilum/{name}" for name in documents}
    assert expected <= set(modes)


def test_dpkg_is_told_what_it_needs(package: Path) -> None:
    """The version, the one Python that the libraries are built for, and nothing that is left to fill in."""
    fields = dict(line.split(": ", 1) for line in asked("--field", package).splitlines() if not line.startswith(" "))
    assert fields["Version"] == RELEASE.version
    assert fields["Architecture"] == "amd64"
    assert {"python3 (>= 3.11)", "python3 (<< 3.12~)"} < set(fields["Depends"].split(", "))
    assert "@" not in asked("--field", package).replace("root@localhost", "")


def test_the_settings_file_is_the_operators(package: Path) -> None:
    """A file of settings that was changed is never written over."""
    assert asked("--info", package, "conffiles") == f"/{systemd_files.SETTINGS}\n"


def test_the_database_server_is_not_removed_with_hilum(package: Path) -> None:
    """What is only recommended goes with `apt autoremove --purge`, with all its data."""
    assert "postgresql" not in asked("--field", package, "Depends", "Recommends")


@pytest.mark.parametrize("name", build.SCRIPTS)
def test_a_script_is_right_for_a_plain_shell(package: Path, name: str, tmp_path: Path) -> None:
    """It can be read by sh, and ends at the first error."""
    text = asked("--info", package, name)
    (tmp_path / name).write_text(text)
    subprocess.run(["/bin/sh", "-n", tmp_path / name], check=True)
    assert "\nset -e\n" in text


def test_an_environment_forgets_where_it_was_made(tmp_path: Path) -> None:
    """And the programs of its libraries, which have names of well-known ones."""
    place = tmp_path / build.HOME
    record = place / "lib/pynetdicom-3.dist-info/RECORD"
    record.parent.mkdir(parents=True)
    record.write_text("../../../bin/storescu,sha256=x,9\npynetdicom/ae.py,sha256=y,9\n")
    (place / "bin").mkdir()
    for name in ("hilum", "python3.11", "storescu"):
        (place / "bin" / name).write_text(f"#!{place}/bin/python3\n")
    (place / "pyvenv.cfg").write_text(f"command = python3 -m venv {place}\n")
    build._move(place, tmp_path)
    assert {path.name for path in (place / "bin").iterdir()} == {"hilum", "python3.11"}
    assert (place / "bin/hilum").read_text() == "#!/opt/hilum/bin/python3\n"
    assert str(tmp_path) not in (place / "pyvenv.cfg").read_text()
    assert record.read_text() == "pynetdicom/ae.py,sha256=y,9\n"


def test_the_same_files_make_the_same_package(root: Path, package: Path) -> None:
    """Byte for byte, whenever they are packed."""
    before = package.read_bytes()
    for path in root.rglob("*"):
        os.utime(path)
    assert build.pack(root, root.parent, RELEASE).read_bytes() == before


def test_a_developers_build_lies_between_two_releases() -> None:
    """A later commit is a higher version, for dpkg and for Python."""
    require(DPKG_DEB)
    early = build.between_releases("0.1.0", 1_795_817_315, "ffffffff", is_changed=True)
    late = build.between_releases("0.1.0", 1_795_817_316, "00000000", is_changed=False)
    ordered = ["0.1.0", early, late, "0.1.1"]
    assert sorted(ordered, key=Version) == ordered
    for lower, higher in pairwise(ordered):
        subprocess.run(["dpkg", "--compare-versions", lower, "lt", higher], check=True)


def test_a_purge_keeps_films_and_takes_settings(tmp_path: Path) -> None:
    """And says so; nothing is left that starts services."""
    put(systemd_files.shipped(Path("/opt/hilum/bin/hilum"), systemd_files.OF_A_PACKAGE), tmp_path)
    units = ["hilum.target", "hilum.service", "hilum-node.service", "hilum-worker@1.service"]
    put(systemd_files.chosen(units, {"N": "1"}, systemd_files.OF_A_PACKAGE, has_gpus=True), tmp_path)
    timer = tmp_path / "etc/systemd/system/timers.target.wants/hilum-backup.timer"
    timer.parent.mkdir()
    timer.symlink_to("/usr/lib/systemd/system/hilum-backup.timer")
    (tmp_path / FILMS).mkdir(parents=True)
    said = script("postrm", "purge", below=tmp_path)
    assert (said.returncode, "/var/lib/hilum is kept" in said.stdout) == (0, True)
    assert (tmp_path / FILMS).exists()
    assert not (tmp_path / "etc/hilum").exists()
    assert [path for path in (tmp_path / "etc").rglob("*") if path.is_symlink() or path.is_file()] == []


def test_a_purge_without_films_leaves_no_folder(tmp_path: Path) -> None:
    """A second one changes nothing."""
    (tmp_path / FILMS.parent).mkdir(parents=True)
    said = [script("postrm", "purge", below=tmp_path) for _ in range(2)]
    assert [(one.returncode, one.stdout) for one in said] == [(0, ""), (0, "")]
    assert not (tmp_path / FILMS.parent).exists()


@pytest.mark.parametrize("left", ["opt/hilum/pyvenv.cfg", "etc/systemd/system/hilum.target"])
def test_an_installation_without_a_package_is_not_written_over(tmp_path: Path, left: str) -> None:
    """The message says how it goes; an upgrade finds its own files and is not asked."""
    (tmp_path / left).parent.mkdir(parents=True)
    (tmp_path / left).touch()
    refused = script("preinst", "install", below=tmp_path)
    assert (refused.returncode, "hilum install --systemd --uninstall" in refused.stderr) == (1, True)
    assert script("preinst", "upgrade", "0.1.0", below=tmp_path).returncode == 0
