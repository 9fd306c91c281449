"""Results as pictures, drawn with a real, untrained network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.explanation import Explanation
from domain.film import Print, Unsuitable
from domain.findings import Findings, Label, Probabilities
from models.classifier import NetworkClassifier
from models.illustration import NetworkIllustrator
from models.package import Package
from models.preprocess import prepare
from models.runtime import open_runtime
from models.small_picture import grey_picture
from tests.fakes import stored_film

IMAGE = np.tile(np.linspace(0.0, 1.0, 400, dtype=np.float32), (500, 1))


@pytest.fixture
def network(tiny_package: Package, monkeypatch: pytest.MonkeyPatch) -> NetworkClassifier:
    """A network that takes every film for a chest film."""
    monkeypatch.setattr("models.classifier.verdict", lambda *_: None)
    return NetworkClassifier(tiny_package, open_runtime(tiny_package, "cpu", 1))


def printed() -> Print:
    return Print(picture=grey_picture(IMAGE, 250), square=prepare(IMAGE), is_resized=True)


def named(network: NetworkClassifier, label: Label) -> Findings:
    scores = Probabilities(**{one.lower(): 0.9 if one is label else 0.05 for one in Label})
    return Findings(model=network.model, films=(stored_film(),), analysed=stored_film(), probabilities=scores)


def is_coloured(picture: np.ndarray, rows: int) -> bool:
    return bool((np.ptp(picture[:rows].astype(int), axis=-1) > 0).any())


def test_a_picture_keeps_the_proportions_and_the_ends_of_the_grey_scale() -> None:
    """400 columns and 500 rows become 200 and 250; a small film stays as it is."""
    small = grey_picture(IMAGE, 250)
    assert (small.shape, small.dtype, small.min(), small.max()) == ((250, 200), np.uint8, 0, 255)
    assert np.array_equal(grey_picture(IMAGE, 500), np.rint(IMAGE * 255).astype(np.uint8))


def test_what_the_network_names_is_coloured_where_it_found_it(
    network: NetworkClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The film is above, the strip with the answer below it."""
    (explanation,) = network.explain_squares([printed().square])
    assert isinstance(explanation, Explanation)
    positive = replace(explanation, label=Label.PNEUMONIA)
    monkeypatch.setattr(network, "explain_squares", lambda _: [positive])
    picture = NetworkIllustrator(network=network).illustrate(named(network, Label.PNEUMONIA), printed())
    assert picture.shape[0] > 250
    assert is_coloured(picture, 250)


@pytest.mark.parametrize("why", ["normal", "undetermined", "another network", "another answer", "refused"])
def test_else_the_film_is_shown_as_it_is(network: NetworkClassifier, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """Colours would claim what nobody found."""
    (explanation,) = network.explain_squares([printed().square])
    assert isinstance(explanation, Explanation)
    answer = replace(explanation, label=Label.COVID19 if why == "another answer" else Label.PNEUMONIA)
    monkeypatch.setattr(network, "explain_squares", lambda _: [Unsuitable.NOT_FRONTAL if why == "refused" else answer])
    findings = named(network, Label.NORMAL if why == "normal" else Label.PNEUMONIA)
    if why == "undetermined":
        monkeypatch.setattr(NetworkClassifier, "model", replace(network.model, undetermined_below=0.95))
        findings = named(network, Label.PNEUMONIA)
    if why == "another network":
        findings = replace(findings, model=replace(findings.model, version="0.9"))
    picture = NetworkIllustrator(network=network).illustrate(findings, printed())
    assert not is_coloured(picture, 250)
    assert picture[250:].max() > 200  # light words on a dark strip


def test_squares_are_explained_as_films_are(network: NetworkClassifier) -> None:
    """The darkroom's square gives the same evidence as the whole film."""
    (of_square,), (of_film,) = network.explain_squares([prepare(IMAGE)]), network.explain([IMAGE])
    assert isinstance(of_square, Explanation)
    assert isinstance(of_film, Explanation)
    assert of_square.probabilities == of_film.probabilities
    assert network.explain_squares([]) == []


def test_what_was_not_classified_has_no_picture(network: NetworkClassifier) -> None:
    """There is no answer to write below it."""
    without = Findings(model=network.model, films=(stored_film(),), unsuitable=Unsuitable.NOT_FRONTAL)
    with pytest.raises(ValueError, match="classified"):
        NetworkIllustrator(network=network).illustrate(without, printed())
