from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from domain.film import Unsuitable
from domain.findings import Probabilities
from models.classifier import NetworkClassifier
from models.golden import check_golden
from models.onnx_runtime import OnnxRuntime
from models.package import load_package

if TYPE_CHECKING:
    from domain.film import GreyImage
    from domain.ports import Classifier
    from models.package import Package


@pytest.fixture
def tiny(tiny_package: Package) -> NetworkClassifier:
    """A classifier of untrained networks."""
    return NetworkClassifier(tiny_package, OnnxRuntime(tiny_package, threads=1))


def _all(classifier: NetworkClassifier, films: list[GreyImage]) -> np.ndarray:
    """Return the probabilities of films, suitable or not."""
    return np.array([list(seen.probabilities.as_dict().values()) for seen in classifier.look_at(films)])


def test_the_classifier_fits_its_port(tiny: NetworkClassifier, tiny_package: Package) -> None:
    """The classifier is what the worker asks for, and says which network it is."""
    port: Classifier = tiny
    assert port.model == tiny_package.model


def test_every_film_gets_an_answer(tiny: NetworkClassifier, films: list[GreyImage]) -> None:
    """Each film gets probabilities or a reason why there are none."""
    answers = tiny.classify(films)
    assert len(answers) == len(films)
    assert all(isinstance(answer, Probabilities | Unsuitable) for answer in answers)


def test_probabilities_make_one(tiny: NetworkClassifier, films: list[GreyImage]) -> None:
    """The three probabilities of every film make 1 to the last digit of float64."""
    assert _all(tiny, films).sum(axis=1) == pytest.approx(1.0, abs=1e-12)


def test_a_batch_equals_one_by_one(tiny: NetworkClassifier, films: list[GreyImage]) -> None:
    """A film's result does not depend on the films that are classified with it, nor on their order."""
    many = _all(tiny, films * 7)
    alone = np.concatenate([_all(tiny, [film]) for film in films])
    assert many == pytest.approx(np.tile(alone, (7, 1)), abs=1e-4)


def test_no_films_give_no_results(tiny: NetworkClassifier) -> None:
    """An empty sequence gives an empty list."""
    assert tiny.classify([]) == []


def test_a_blank_film_is_refused(tiny: NetworkClassifier) -> None:
    """A film that is black all over is refused by its pixels."""
    assert tiny.classify([np.zeros((300, 300), np.float32)]) == [Unsuitable.BADLY_EXPOSED]


def test_warming_up_changes_nothing(tiny: NetworkClassifier, films: list[GreyImage]) -> None:
    """Warming up leaves no trace in later results."""
    before = _all(tiny, films)
    tiny.warm_up()
    assert np.array_equal(_all(tiny, films), before)


def test_known_films_give_known_results(classifier: NetworkClassifier) -> None:
    """The shipped network gives, for the films in its package, the probabilities it gave when it was released."""
    assert check_golden(load_package(), classifier) < 1e-4


def test_different_films_give_different_results(classifier: NetworkClassifier, films: list[GreyImage]) -> None:
    """The shipped network looks at the film: drawn films of different texture differ by more than rounding."""
    assert np.ptp(_all(classifier, films), axis=0).max() > 0.01


def test_serving_never_loads_the_training_toolkits(tiny_package: Package) -> None:
    """Loading a network and classifying on the processor imports neither TensorFlow, Keras nor onnx."""
    program = (
        "import sys; from pathlib import Path; from models.classifier import NetworkClassifier;"
        "from models.package import load_package; from models.runtime import open_runtime; import models.registry;"
        "assert 'onnxruntime' not in sys.modules;"
        "package = load_package(Path(sys.argv[1]));"
        "NetworkClassifier(package, open_runtime(package, 'cpu', threads=1)).warm_up();"
        "print([name for name in ('tensorflow', 'keras', 'onnx', 'tf2onnx') if name in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(tiny_package.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
