"""What a command says where the packages for training are missing."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

from domain.errors import Misconfigured
from hilum import settings
from hilum.train import fold_trainer
from hilum.training_packages import training_packages


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow, or whatever else is not there."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with (
        pytest.raises(Misconfigured, match=r"tensorflow is missing.*pip install 'hilum\[train\]'"),
        training_packages(),
    ):
        import_module("tensorflow")


def test_a_cross_validation_says_it_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No traceback where `hilum evaluate --folds` can't train."""
    monkeypatch.setitem(sys.modules, "models.training", None)
    monkeypatch.setattr("models.networks.quiet.load_tensorflow", lambda: None)
    with pytest.raises(Misconfigured, match="companions"):
        fold_trainer(settings.load(None)[0], {}, tmp_path, lambda *_: None)
