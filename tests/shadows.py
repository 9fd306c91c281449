"""Variants of the shipped network: one that answers otherwise, and some that do harm to whoever runs them."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from models.package import CLASSIFIER, MANIFEST, Package, load_package, shipped_package

MOST = 2**33
"""Numbers that no process of a test may have in memory: 32 GB."""


def variant(networks: Path, version: str, *, graph: bytes | None = None, **numbers: float) -> Package:
    """Install a copy of the shipped network under another version, with other numbers in its manifest."""
    shipped = load_package()
    copy = networks / f"{shipped.model.name}-{version}"
    shutil.copytree(shipped_package(), copy)
    text = (copy / MANIFEST).read_text()
    text = text.replace(f'version = "{shipped.model.version}"', f'version = "{version}"', 1)
    for key, value in numbers.items():
        text, found = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, count=1, flags=re.MULTILINE)
        assert found
    if graph is not None:
        (copy / CLASSIFIER).write_bytes(graph)
        text = text.replace(shipped.parts[CLASSIFIER], hashlib.sha256(graph).hexdigest())
    (copy / MANIFEST).write_text(text)
    return load_package(copy)


def appoint(networks: Path, package: Package) -> None:
    """Make a network the shadow, whatever it does with its own films."""
    draft = networks / ".draft"
    draft.write_text(f"{package.title} {package.model.sha256}\n")
    draft.replace(networks / "shadow")


def raising() -> bytes:
    """Return a graph that fails at every film."""
    helper = _helper()
    return _graph([helper.make_node("Gather", ["films", "many"], ["logits"])])


def hungry() -> bytes:
    """Return a graph that asks for 32 GB at every film."""
    helper = _helper()
    return _graph(
        [
            helper.make_node("Shape", ["films"], ["shape"]),
            helper.make_node("Gather", ["shape", "zero"], ["films_at_once"]),
            helper.make_node("Mul", ["films_at_once", "many"], ["size"]),
            helper.make_node("ConstantOfShape", ["size"], ["logits"]),
        ]
    )


def endless() -> bytes:
    """Return a graph that has not done with the first film when the sun goes out."""
    helper, kinds = _helper(), _onnx().TensorProto
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["still_go_on"]),
            helper.make_node("Neg", ["before"], ["after"]),
        ],
        "again",
        [
            helper.make_tensor_value_info("turn", kinds.INT64, []),
            helper.make_tensor_value_info("go_on", kinds.BOOL, []),
            helper.make_tensor_value_info("before", kinds.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("still_go_on", kinds.BOOL, []),
            helper.make_tensor_value_info("after", kinds.FLOAT, None),
        ],
    )
    return _graph([helper.make_node("Loop", ["turns", "yes", "films"], ["logits"], body=body)])


def _graph(nodes: list[Any]) -> bytes:
    helper, kinds = _helper(), _onnx().TensorProto
    films = helper.make_tensor_value_info("films", kinds.FLOAT, None)
    outputs = [helper.make_tensor_value_info(name, kinds.FLOAT, None) for name in ("logits", "maps")]
    constants = [
        helper.make_tensor("many", kinds.INT64, [1], [MOST]),
        helper.make_tensor("zero", kinds.INT64, [1], [0]),
        helper.make_tensor("turns", kinds.INT64, [], [2**62]),
        helper.make_tensor("yes", kinds.BOOL, [], [True]),
    ]
    nodes = [*nodes, helper.make_node("Identity", ["films"], ["maps"])]
    graph = helper.make_graph(nodes, "harm", [films], outputs, initializer=constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _onnx() -> Any:  # noqa: ANN401 - a module
    return pytest.importorskip("onnx", reason="writing a graph needs more packages: pip install 'hilum[train]'")


def _helper() -> Any:  # noqa: ANN401 - a module
    return _onnx().helper
