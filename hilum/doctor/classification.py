"""What a worker computes with: the network, the decoders of films, a GPU where there is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hilum import machine
from hilum.doctor.check import failure, not_applicable, ok, warning
from hilum.doctor.trial import PYTHON_M_TRIAL, apart
from hilum.supervise import PYTHON_M_HILUM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hilum.doctor.check import Finding
    from hilum.settings import Settings

MODEL_SECONDS = 120.0
"""For a GPU, whose first computation is compiled; a processor takes two seconds."""
DECODERS_SECONDS = 60.0
GPU_SECONDS = 60.0


def model(source: Path | None) -> Iterator[Finding]:
    """Check every file of the active network, load it and have it classify its own films."""
    chosen = [] if source is None else ["--config", str(source)]
    ended = apart([*PYTHON_M_HILUM, *chosen, "models", "verify"], seconds=MODEL_SECONDS)
    if ended.how:
        yield failure(
            ended.how.removeprefix("hilum: "), "hilum models verify; hilum models list shows what can be activated"
        )
    else:
        files, results = ended.said.strip().splitlines()
        yield ok(files)
        yield ok(results)


def decoders() -> Iterator[Finding]:
    """Decode a small film in each transfer syntax that the node accepts."""
    ended = apart([*PYTHON_M_TRIAL, "decoders"], seconds=DECODERS_SECONDS)
    if ended.how:
        yield failure(
            f"decoding ends its process: {ended.how}", "install Hilum again, for this machine's processor and Python"
        )
    else:
        yield from decoded(json.loads(ended.said))


def decoded(troubles: Mapping[str, str]) -> Iterator[Finding]:
    """Judge what came of each transfer syntax; an empty text is none."""
    for syntax, trouble in troubles.items():
        if trouble:
            yield failure(
                f"{syntax}: {trouble}",
                "pip install --force-reinstall pydicom pylibjpeg pylibjpeg-openjpeg pyjpegls imagecodecs pillow",
            )
    yield ok(f"{sum(not trouble for trouble in troubles.values())} of {len(troubles)} transfer syntaxes can be read")


def gpu(settings: Settings) -> Iterator[Finding]:
    """Look whether what `worker.device` says is there."""
    device, there = settings.worker.device, machine.gpus()
    if device == "cpu" or (device == "auto" and not there):
        yield not_applicable("worker.device is cpu" if device == "cpu" else "there is no GPU: the processor computes")
        return
    ended = apart([*PYTHON_M_TRIAL, "gpu"], seconds=GPU_SECONDS)
    trouble = ended.how or json.loads(ended.said.strip().splitlines()[-1])
    yield from found_gpu(device, trouble)


def found_gpu(device: str, trouble: str | None) -> Iterator[Finding]:
    """Judge why no GPU can be used, None if one can, for what `worker.device` says."""
    if not trouble:
        yield ok("TensorFlow sees a GPU")
    elif device == "gpu":
        yield failure(trouble, "nvidia-smi; or set worker.device to auto or cpu")
    else:
        yield warning(f"{trouble}: the processor computes", "pip install 'hilum[gpu]', or set worker.device to cpu")
