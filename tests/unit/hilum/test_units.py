"""The units, as systemd's own checks judge them."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from hilum import systemd_files
from tests.peers import SYSTEMD_ANALYZE, require

pytestmark = pytest.mark.peers

SHIPPED = systemd_files.SHIPPED
SERVICES = sorted(path.name for path in SHIPPED.glob("*.service"))
_OF_DECODERS = ["ProcSubset=all", "SystemCallFilter=~@privileged"]
MOST_EXPOSURE = 2.0
"""Of 10: what `systemd-analyze security` calls OK."""


def analyze(*arguments: str | Path) -> str:
    require(SYSTEMD_ANALYZE)
    done = subprocess.run([SYSTEMD_ANALYZE, *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def sections(service: str) -> list[str]:
    """Return the lines that are meant to be the same in each service: those of its last block."""
    text = (SHIPPED / service).read_text()
    return text[text.index("\nUser=") :].partition("\n[Install]")[0].splitlines()


def test_the_package_brings_the_units() -> None:
    """`hilum install` finds them beside the rooms, in the repository and in an environment."""
    project = tomllib.loads((SHIPPED.parents[1] / "pyproject.toml").read_text())
    assert SHIPPED.parent.name in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_there_is_nothing_to_say_against_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` of all of them, with a program that is there and the drop-ins."""
    (tmp_path / "hilum-worker@.service.d").mkdir()
    for file in SHIPPED.iterdir():
        folder = tmp_path / "hilum-worker@.service.d" if file.name == "gpu.conf" else tmp_path
        (folder / file.name).write_text(file.read_text().replace("/opt/hilum/bin/hilum", "/bin/true"))
    units = [tmp_path / name for name in SERVICES]
    said = analyze("verify", "--man=no", tmp_path / "hilum.target", *units)
    assert [line for line in said.splitlines() if "hilum" in line] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_little_to_do_harm_with(service: str) -> None:
    """By systemd's own count."""
    said = analyze("security", "--offline=true", SHIPPED / service)
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert exposure is not None, said
    assert float(exposure[1]) <= MOST_EXPOSURE


@pytest.mark.parametrize("service", SERVICES)
def test_shares_are_mounted_before_a_service_starts(service: str) -> None:
    """A store that is not there ends it as a wrong setting does, and it is not started again."""
    before = re.findall(r"^After=(.+)$", (SHIPPED / service).read_text(), re.MULTILINE)
    first = {"remote-fs.target", "hilum-schema.service", "hilum.target"}  # or one that starts after it
    assert first & set(" ".join(before).split())


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_confined_alike(service: str) -> None:
    """Those that decode films, or may start the embedded database, may also limit what their processes take."""
    other = [line for line in sections(service) if line not in sections("hilum-node.service")]
    decodes = service in {"hilum-worker@.service", "hilum-web.service", "hilum.service", "hilum-backup.service"}
    assert [line for line in other if not line.startswith("#")] == (_OF_DECODERS if decodes else [])
