"""The machine as `hilum doctor` judges it: memory, files, cores, clock, decoders, GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.doctor import capacity, classification, clock
from hilum.doctor.check import Outcome
from hilum.doctor.trial import PYTHON_M_TRIAL, apart
from tests.doctoring import outcome_of, said, settings_of


@pytest.mark.parametrize(("there", "outcome"), [(1500, Outcome.FAILURE), (3000, Outcome.WARNING), (5000, Outcome.OK)])
def test_memory_is_compared_with_what_is_needed(there: int, outcome: Outcome) -> None:
    """And with one large film beside that."""
    assert outcome_of(capacity.enough_memory(there, 2000, 2048)) is outcome


def test_more_processes_need_more_memory(tmp_path: Path) -> None:
    """Each worker has decoders of its own."""
    few, many = (
        settings_of(tmp_path, worker={"device": "cpu", "processes": 2, "decoders": number}) for number in (1, 11)
    )
    assert capacity.needed_mb(many) - capacity.needed_mb(few) == 20 * 95
    assert (
        outcome_of(capacity.memory(settings_of(tmp_path, worker={"processes": 64, "decoders": 64}))) is not Outcome.OK
    )


def test_too_few_open_files_are_a_failure(tmp_path: Path) -> None:
    """By how many senders may call."""
    settings = settings_of(tmp_path, node={"maximum_associations": 1000})
    assert "LimitNOFILE" in said(capacity.open_files(settings, 1024))
    assert outcome_of(capacity.open_files(settings, 65536)) is Outcome.OK


@pytest.mark.parametrize(
    ("tables", "outcome"),
    [
        ({"worker": {"device": "cpu", "processes": 1, "threads": 1}}, Outcome.OK),
        ({"worker": {"device": "cpu", "processes": 64, "threads": 64}}, Outcome.WARNING),
    ],
)
def test_more_threads_than_cores_are_a_warning(tmp_path: Path, tables: dict[str, object], outcome: Outcome) -> None:
    """They are in each other's way."""
    assert outcome_of(capacity.cores(settings_of(tmp_path, **tables))) is outcome


def test_little_shared_memory_is_a_failure(tmp_path: Path) -> None:
    """For the embedded server; another one has its own."""
    assert outcome_of(capacity.enough_shared(63)) is Outcome.FAILURE
    assert outcome_of(capacity.enough_shared(64)) is Outcome.OK
    other = settings_of(tmp_path, database={"url": "postgresql://hilum@db/hilum"})
    assert outcome_of(capacity.shared_memory(other)) is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(("state", "outcome"), [(0, Outcome.OK), (5, Outcome.WARNING), (-1, Outcome.NOT_APPLICABLE)])
def test_a_clock_that_nobody_keeps_is_a_warning(state: int, outcome: Outcome) -> None:
    """As the kernel says."""
    assert outcome_of(clock.kept(state)) is outcome


def test_the_kernel_is_asked_for_its_clock() -> None:
    """Whatever it says is no failure."""
    assert outcome_of(clock.clock()) is not Outcome.FAILURE


def test_a_syntax_that_can_not_be_read_is_a_failure() -> None:
    """Named, beside how many can."""
    found = list(classification.decoded({"RLE Lossless": "", "JPEG 2000": "it can't be decoded"}))
    assert "JPEG 2000" in said(found)
    assert found[-1].seen.startswith("1 of 2 ")


def test_a_process_that_is_ended_by_its_decoders_says_how() -> None:
    """Doctor itself goes on."""
    ended = apart([*PYTHON_M_TRIAL[:1], "-c", "import os, signal; os.kill(os.getpid(), signal.SIGILL)"], seconds=60)
    assert ended.how == "the process was ended by SIGILL"
    assert apart([*PYTHON_M_TRIAL[:1], "-c", "input()"], seconds=60).how.startswith("EOFError")
    assert "no end within" in apart([*PYTHON_M_TRIAL[:1], "-c", "while True: pass"], seconds=0.2).how


def test_a_gpu_that_is_asked_for_and_not_there_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where auto is set the processor computes, which is slower than somebody expects who has a GPU."""
    assert "worker.device" in said(classification.found_gpu("gpu", "there is no driver"))
    assert outcome_of(classification.found_gpu("auto", "there is no driver")) is Outcome.WARNING
    assert outcome_of(classification.found_gpu("gpu", None)) is Outcome.OK
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert outcome_of(classification.gpu(settings_of(tmp_path))) is Outcome.NOT_APPLICABLE
