"""EfficientNet-Lite0 as a table: which blocks there are and how each is shaped, without any toolkit.

Source: M. Tan and Q. Le, EfficientNet (arXiv:1905.11946, table 1); the Lite variant has no squeeze-and-excitation,
uses ReLU6 instead of swish, and keeps the sizes of stem and head fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

IMAGE_SIZE = 224
"""Rows and columns of the input, in pixels."""
INPUT_MEAN = 127.0 / 255.0
INPUT_SCALE = 128.0 / 255.0
"""The network sees (grey - INPUT_MEAN) / INPUT_SCALE, grey 0 to 1: what the ImageNet weights were trained with."""
STEM_FILTERS = 32
HEAD_FILTERS = 1280
BN_EPSILON = 1e-3

_STAGES = (
    # repeats, kernel, stride, expansion, filters
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One inverted bottleneck: expand (1x1), depthwise, project (1x1), and a shortcut where the shapes agree."""

    name: str
    kernel: int
    stride: int
    expansion: int
    filters_in: int
    filters_out: int

    @property
    def has_shortcut(self) -> bool:
        """Whether the input is added to the output."""
        return self.stride == 1 and self.filters_in == self.filters_out

    @property
    def parts(self) -> tuple[str, ...]:
        """The convolutions of the block, in order; the first block does not expand."""
        return ("depthwise", "project") if self.expansion == 1 else ("expand", "depthwise", "project")


def _all_blocks() -> tuple[Block, ...]:
    blocks: list[Block] = []
    filters_in = STEM_FILTERS
    for repeats, kernel, stride, expansion, filters in _STAGES:
        for repeat in range(repeats):
            blocks.append(
                Block(
                    name=f"block{len(blocks):02d}",
                    kernel=kernel,
                    stride=stride if repeat == 0 else 1,
                    expansion=expansion,
                    filters_in=filters_in,
                    filters_out=filters,
                )
            )
            filters_in = filters
    return tuple(blocks)


BLOCKS = _all_blocks()
OUTPUTS = ("stem", *(block.name for block in BLOCKS), "head")
"""The named layers whose outputs are compared with the original's."""
