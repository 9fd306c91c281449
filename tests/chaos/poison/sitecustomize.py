"""Makes a film deadly, as a defect in a decoder written in C would: whoever renders one that is marked is killed.

Python loads this module by itself where its folder is on PYTHONPATH. Nothing of Hilum's is changed before the module
that renders films is imported.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

DEADLY = "This film ends its reader"
"""Its Study Description."""
_RENDERS = "dicom_node.pixels"


class _PoisonousLoader(Loader):
    """Loads a module as the loader it stands for, and wraps its `render`."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        module.render = _deadly(module.render)  # type: ignore[attr-defined]


class _Finder(MetaPathFinder):
    """Finds the one module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _RENDERS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _PoisonousLoader(spec.loader)
        return spec


def _deadly(render: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def rendered(dataset: Any) -> Any:  # noqa: ANN401 - a data set, and a picture; this module imports nothing of theirs
        if dataset.get("StudyDescription") == DEADLY:
            os.kill(os.getpid(), signal.SIGSEGV)
        return render(dataset)

    return rendered


if __name__ == "sitecustomize":  # loaded by Python itself, not by a test that wants to know the mark
    sys.meta_path.insert(0, _Finder())
