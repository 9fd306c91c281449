from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.package import load_package

if TYPE_CHECKING:
    from domain.film import GreyImage
    from domain.findings import Probabilities
    from domain.ports import Classifier
    from models.classifier import OnnxClassifier

GOLDEN = Path(__file__).parents[2] / "assets" / "models" / "golden_probabilities.json"


def test_the_classifier_fits_its_port(classifier: OnnxClassifier) -> None:
    """The classifier is what the worker asks for, and says which network it is."""
    port: Classifier = classifier
    assert port.model == load_package().model


def test_probabilities_make_one(classifier: OnnxClassifier, films: list[GreyImage]) -> None:
    """The three probabilities of every film make 1 to the last digit of float64."""
    for result in classifier.classify(films):
        assert sum(result.as_dict().values()) == pytest.approx(1.0, abs=1e-12)


def test_a_batch_equals_one_by_one(classifier: OnnxClassifier, films: list[GreyImage]) -> None:
    """A film's result does not depend on the films that are classified with it, nor on their order."""
    many = classifier.classify(films * 7)
    for result, film in zip(many, films * 7, strict=True):
        assert _array(result) == pytest.approx(_array(classifier.classify([film])[0]), abs=1e-5)


def test_no_films_give_no_results(classifier: OnnxClassifier) -> None:
    """An empty sequence gives an empty list."""
    assert classifier.classify([]) == []


def test_known_films_give_known_results(classifier: OnnxClassifier, films: list[GreyImage]) -> None:
    """The shipped network gives, for drawn films, the probabilities it gave when it was released."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert golden["sha256"] == classifier.model.sha256
    for result, expected in zip(classifier.classify(films), golden["probabilities"], strict=True):
        assert _array(result) == pytest.approx(expected, abs=1e-4)


def test_different_films_give_different_results(classifier: OnnxClassifier, films: list[GreyImage]) -> None:
    """The network looks at the film: drawn films of different texture differ by more than rounding."""
    results = np.array([_array(result) for result in classifier.classify(films)])
    assert np.ptp(results, axis=0).min() > 0.01


def test_warming_up_changes_nothing(classifier: OnnxClassifier, films: list[GreyImage]) -> None:
    """Warming up leaves no trace in later results."""
    before = classifier.classify(films)
    classifier.warm_up()
    assert classifier.classify(films) == before


def test_serving_never_loads_the_training_toolkits() -> None:
    """Loading the network and classifying imports neither TensorFlow, Keras nor onnx."""
    program = (
        "import sys; from models.classifier import OnnxClassifier; from models.package import load_package;"
        "assert 'onnxruntime' not in sys.modules;"
        "OnnxClassifier(load_package(), threads=1).warm_up();"
        "print([name for name in ('tensorflow', 'keras', 'onnx', 'tf2onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def _array(result: Probabilities) -> list[float]:
    return list(result.as_dict().values())
