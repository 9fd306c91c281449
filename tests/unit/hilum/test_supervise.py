"""How many workers `hilum up` runs, and what each is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum import machine, settings
from hilum.supervise import roles, worker_environments
from hilum.work_settings import Worker


@pytest.fixture
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large machine without a GPU."""
    monkeypatch.setattr(machine, "cores", lambda: 16)
    monkeypatch.setattr(machine, "gpus", lambda: ())


def share(cores: int) -> dict[str, str]:
    return {"HILUM_WORKER__THREADS": str(cores), "HILUM_WORKER__DECODERS": str(cores)}


@pytest.mark.usefixtures("sixteen_cores")
def test_workers_on_the_processor_share_its_cores() -> None:
    """One for each four, unless the settings say otherwise."""
    assert worker_environments(Worker()) == [share(4)] * 4
    assert worker_environments(Worker(processes=2)) == [share(8)] * 2
    assert worker_environments(Worker(processes=2, threads=3, decoders=2)) == [{}] * 2


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 2), (4, 2), (8, 2), (64, 16)])
def test_there_are_two_workers_where_there_are_two_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers: int
) -> None:
    """While one is restarted, the other goes on."""
    monkeypatch.setattr(machine, "cores", lambda: cores)
    monkeypatch.setattr(machine, "gpus", lambda: ())
    assert len(worker_environments(Worker())) == workers


def test_each_gpu_has_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """And each worker a GPU, if more of them are asked for as well."""
    monkeypatch.setattr(machine, "gpus", lambda: ("0", "1"))
    visible = [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]
    assert worker_environments(Worker()) == visible
    assert worker_environments(Worker(processes=4)) == visible * 2
    assert "CUDA_VISIBLE_DEVICES" not in worker_environments(Worker(device="cpu"))[0]


def test_the_gpus_are_those_of_the_environment_else_of_the_driver(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A unit that was given GPUs divides those; -1 hides all."""
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(machine, "_NVIDIA", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert machine.gpus() == ("0", "1")
    for given, seen in (("3,GPU-8f2e", ("3", "GPU-8f2e")), ("", ()), ("-1", ())):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        assert machine.gpus() == seen


@pytest.mark.parametrize(
    ("web", "reports", "further"),
    [(11180, 0, ("web",)), (0, 2575, ("final-reports",)), (11180, 2575, ("web", "final-reports")), (0, 0, ())],
)
def test_some_roles_run_only_where_a_port_is_set(
    web: int, reports: int, further: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside node, worker and scheduler."""
    monkeypatch.setenv("HILUM_WEB__PORT", str(web))
    monkeypatch.setenv("HILUM_FINAL_REPORTS__PORT", str(reports))
    assert roles(settings.load()[0]) == ("node", "worker", "scheduler", *further)
