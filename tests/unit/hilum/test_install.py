"""`hilum install --systemd`, below another root: what it writes, what it leaves alone, what it refuses."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from domain.errors import Misconfigured
from hilum import machine, roles, settings, systemd_files
from hilum.install import install

PROGRAM = "/srv/hilum/bin/hilum"


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU."""
    monkeypatch.setattr(machine, "cores", lambda: 4)
    monkeypatch.setattr(machine, "gpus", lambda: ())


def run(root: Path, *options: str) -> Result:
    command = ["--systemd", "--root", str(root), "--program", PROGRAM, *options]
    return CliRunner().invoke(install, command, catch_exceptions=False)


def words(result: Result) -> set[str]:
    """Return what became of files: the first word of each line, but for the advice."""
    return {line.split()[0] for line in result.output.splitlines() if not line.startswith("next")}


def enabled(root: Path) -> set[str]:
    units = root / "etc/systemd/system"
    return {path.name for path in units.glob("*.wants/*") if (root / str(path.readlink()).lstrip("/")).is_file()}


def test_each_role_becomes_a_service(tmp_path: Path) -> None:
    """Of this program, for the roles that the settings name, with two workers that share the cores."""
    assert words(run(tmp_path)) == {"new"}
    roles = {f"hilum-{role}.service" for role in ("schema", "node", "scheduler", "web", "worker@1", "worker@2")}
    assert enabled(tmp_path) == {"hilum.target", *roles}
    units = tmp_path / "etc/systemd/system"
    assert f"ExecStart={PROGRAM} --config /etc/hilum/hilum.toml node\n" in (units / "hilum-node.service").read_text()
    assert "Environment=HILUM_WORKER__THREADS=2\n" in (units / "hilum-worker@.service.d/cores.conf").read_text()
    assert PROGRAM in (tmp_path / "usr/local/sbin/hilum-admin").read_text()


def test_secrets_are_kept_where_only_root_looks(tmp_path: Path) -> None:
    """And the settings file is not everybody's."""
    run(tmp_path)
    modes = {
        name: stat.S_IMODE((tmp_path / "etc/hilum" / name).stat().st_mode) for name in ("credentials", "hilum.toml")
    }
    assert modes == {"credentials": 0o700, "hilum.toml": 0o640}


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    """Nor does it touch a settings file."""
    run(tmp_path)
    (tmp_path / "etc/hilum/hilum.toml").write_text("[web]\nport = 11180")
    assert words(run(tmp_path)) == {"same", "kept"}
    assert (tmp_path / "etc/hilum/hilum.toml").read_text() == "[web]\nport = 11180"


def test_settings_and_options_decide_what_is_started(tmp_path: Path) -> None:
    """What is not wanted any more is started no more."""
    run(tmp_path)
    (tmp_path / "etc/hilum/hilum.toml").write_text("[web]\nport = 0\n[final_reports]\nport = 2575")
    assert "removed" in words(run(tmp_path, "--workers", "1"))
    roles = {f"hilum-{role}.service" for role in ("schema", "node", "scheduler", "final-reports", "worker@1")}
    assert enabled(tmp_path) == {"hilum.target", *roles}


def test_the_embedded_database_has_one_service(tmp_path: Path) -> None:
    """Instead of those of the roles."""
    run(tmp_path)
    run(tmp_path, "--embedded")
    assert enabled(tmp_path) == {"hilum.service"}


def test_each_gpu_has_a_worker_of_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a drop-in that lets it at the devices; more workers than GPUs are refused."""
    monkeypatch.setattr(machine, "gpus", lambda: ("0", "1"))
    run(tmp_path)
    assert {"hilum-worker@0.service", "hilum-worker@1.service"} < enabled(tmp_path)
    assert (tmp_path / "etc/systemd/system/hilum-worker@.service.d/gpu.conf").exists()
    with pytest.raises(Misconfigured, match="2 GPUs"):
        run(tmp_path, "--workers", "3")


def test_a_dry_run_shows_the_lines_that_would_change_and_changes_none(tmp_path: Path) -> None:
    """As a diff."""
    run(tmp_path)
    unit = tmp_path / "etc/systemd/system/hilum-node.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=60", "WatchdogSec=10"))
    before = unit.read_text()
    shown = run(tmp_path, "--dry-run").output
    assert "-WatchdogSec=10" in shown
    assert "+WatchdogSec=60" in shown
    assert unit.read_text() == before


def test_uninstalling_leaves_settings_secrets_and_drop_ins(tmp_path: Path) -> None:
    """And nothing else."""
    run(tmp_path)
    own = tmp_path / "etc/systemd/system/hilum-node.service.d/override.conf"
    own.parent.mkdir()
    own.touch()
    assert words(run(tmp_path, "--uninstall")) == {"removed"}
    left = {path.name for path in tmp_path.rglob("*") if not path.is_dir()}
    assert left == {"hilum.toml", "override.conf"}


@pytest.mark.parametrize(
    ("user", "program", "reason"), [(1000, PROGRAM, "run it as root"), (0, "/home/me/venv/bin/hilum", "/opt/hilum")]
)
def test_what_can_not_work_is_refused(monkeypatch: pytest.MonkeyPatch, user: int, program: str, reason: str) -> None:
    """Before anything is written."""
    monkeypatch.setattr("os.geteuid", lambda: user)
    with pytest.raises(Misconfigured, match=reason):
        CliRunner().invoke(install, ["--systemd", "--program", program], catch_exceptions=False)


def test_where_a_package_brings_the_units_only_what_is_started_is_written(tmp_path: Path) -> None:
    """With workers for processors, which is all that a package has; what another way of installing left goes."""
    run(tmp_path)
    shutil.copytree(systemd_files.SHIPPED, tmp_path / systemd_files.OF_A_PACKAGE.units)
    assert words(run(tmp_path)) == {"same", "changed", "removed"}
    own = tmp_path / "etc/systemd/system"
    assert [path.name for path in own.glob("*.service")] == []
    assert str((own / "hilum.target.wants/hilum-worker@2.service").readlink()).startswith("/usr/lib/systemd/system/")
    assert {"hilum-node.service", "hilum-worker@2.service", "hilum.target"} < enabled(tmp_path)


def test_a_package_has_nothing_for_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that has some gets the workers of one that has none."""
    monkeypatch.setattr(machine, "gpus", lambda: ("0",))
    target = tmp_path / systemd_files.OF_A_PACKAGE.units / "hilum.target"
    target.parent.mkdir(parents=True)
    target.touch()
    run(tmp_path)
    workers = tmp_path / "etc/systemd/system/hilum-worker@.service.d"
    assert [path.name for path in workers.iterdir()] == ["cores.conf"]


def test_tables_for_services_need_a_server(tmp_path: Path) -> None:
    """The embedded one would end with whoever started it; the text says what to do."""
    home = settings.Settings().model_copy(update={"home": tmp_path})
    with pytest.raises(Misconfigured, match="--embedded"):
        roles.run_upgrade(home)
