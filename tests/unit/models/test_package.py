from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.errors import Misconfigured
from domain.findings import Label
from models.classifier import NetworkClassifier
from models.eligibility import Limits
from models.golden import check_golden
from models.looks import Look
from models.onnx_runtime import OnnxRuntime
from models.package import CARD, CLASSIFIER, LABEL_CODES, LUNGS, MANIFEST, PARTS, check_title, load_package
from tests.packages import edit

if TYPE_CHECKING:
    from pathlib import Path

    from models.package import Package


def test_the_shipped_network_is_what_its_manifest_says() -> None:
    """The network in the repository has the files of its manifest, a version and a model card."""
    package = load_package()
    assert len(package.model.sha256) == 64
    assert package.folder.name == package.title
    assert package.card.is_file()


def test_a_package_gives_back_what_went_in(tiny_package: Package) -> None:
    """Name, version, looks, size, temperature, threshold and limits survive the way through the manifest."""
    package = load_package(tiny_package.folder)
    assert package.title == "tiny-1.0.0"
    assert (package.architecture, package.looks, package.size) == ("custom_cnn", (Look.CROP, Look.LUNGS), 32)
    assert (package.temperature, package.limits) == (0.01, Limits())
    assert (package.model.undetermined_below, package.model.covid19_from) == (0.4, 0.5)
    assert package.manifest["training"]["sources"]["made up"]["licence"] == "CC0"


@pytest.mark.parametrize("file", PARTS)
def test_a_changed_byte_is_refused(copy: Path, file: str) -> None:
    """One changed byte in any file is enough to refuse the package."""
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises(Misconfigured, match=f"{file} has SHA-256 .* damaged or was replaced"):
        load_package(copy)


@pytest.mark.parametrize("file", [CLASSIFIER, CARD, MANIFEST])
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    """A package without one of its files says which one, and what to do."""
    (copy / file).unlink()
    with pytest.raises(Misconfigured, match=f"{file} can't be read.*install the package again"):
        load_package(copy)


def test_a_file_too_many_is_refused(copy: Path) -> None:
    """A file of which the manifest does not speak is refused by name."""
    (copy / "extra.bin").write_bytes(b"")
    with pytest.raises(Misconfigured, match=r"holds extra\.bin"):
        load_package(copy)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('"COVID19", "NORMAL"', '"NORMAL", "COVID19"', "names the classes"),
        ('PNEUMONIA = "233604007"', 'PNEUMONIA = "1"', "names the classes"),
        ("preprocessing = ", 'preprocessing = "other" #', "needs the preprocessing 'other'"),
        ('["crop", "lungs"]', '["heart"]', "wants the looks"),
        ('["crop", "lungs"]', "[]", "wants the looks"),
        ("size = 32", "size = 3200", "looks of 3200 pixels"),
        ("undetermined_below", "unknown", "lacks an entry"),
        ("covid19_from", "unknown", "lacks an entry"),
        ("temperature = 0.01", "temperature = 0", "temperature must be above 0"),
        ("frontal = 0.5", "frontal = nan", "lie between 0 and 1"),
        ("frontal = 0.5", "upright = 0.5", "lacks an entry or has one of a wrong kind"),
        ('name = "tiny"', 'name = "../tiny"', "can't name a network"),
        ('version = "1.0.0"', 'version = "one"', "is no version"),
        ('"golden.npz" = ', '"../golden.npz" = ', "does not name golden.npz"),
        ("[parts]", '[parts]\n"../x" = "0"', "no file of its folder"),
        ("[eligibility]", "[eligibility", "not valid TOML"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(copy: Path, before: str, after: str, reason: str) -> None:
    """A manifest for other classes, preprocessing or looks, or a broken one, is refused with a reason."""
    edit(copy, before, after)
    with pytest.raises(Misconfigured, match=reason):
        load_package(copy)


def test_the_identity_covers_the_manifest(copy: Path) -> None:
    """Another temperature makes another network, though no other file changed."""
    before = load_package(copy).model
    edit(copy, "temperature = 0.01", "temperature = 0.02")
    after = load_package(copy).model
    assert (before.version, after.version) == ("1.0.0", "1.0.0")
    assert before.sha256 != after.sha256


def test_a_file_changed_after_the_check_is_refused(copy: Path) -> None:
    """What is read later is compared again, so nothing slips in between check and use."""
    package = load_package(copy)
    (copy / LUNGS).write_bytes(b"another network")
    with pytest.raises(Misconfigured, match="was replaced"):
        package.read(LUNGS)


def test_a_file_that_is_no_network_is_refused(copy: Path) -> None:
    """A file with the right checksum that is no network stops the process with a sentence."""
    import hashlib

    old = load_package(copy).parts[CLASSIFIER]
    (copy / CLASSIFIER).write_bytes(b"not a network")
    edit(copy, old, hashlib.sha256(b"not a network").hexdigest())
    with pytest.raises(Misconfigured, match="can't load the network"):
        OnnxRuntime(load_package(copy))


@pytest.mark.parametrize(("name", "version"), [("Chest", "1.0.0"), ("a--b", "1.0.0"), ("a", "1.0"), ("a", "01.0.0")])
def test_titles_are_unambiguous(name: str, version: str) -> None:
    """Names in other than small letters, and versions of other than three numbers, are refused before any work."""
    with pytest.raises(Misconfigured):
        check_title(name, version)


def test_the_labels_have_the_codes_of_the_report() -> None:
    """The codes in a package are those that the structured report uses for the same classes."""
    from dicom_node.codes import NORMAL, TARGET_FINDING

    report = {**{label: code.value for label, code in TARGET_FINDING.items()}, Label.NORMAL: NORMAL.value}
    assert report == LABEL_CODES


def test_a_package_reproduces_its_own_results(tiny_package: Package) -> None:
    """The films in the package give the probabilities in the package, and these differ from film to film."""
    import numpy as np

    assert check_golden(tiny_package, NetworkClassifier(tiny_package, OnnxRuntime(tiny_package))) < 1e-5
    with np.load(tiny_package.folder / "golden.npz") as golden:
        assert np.ptp(golden["probabilities"], axis=0).max() > 0.01


def test_other_results_are_refused(copy: Path) -> None:
    """A package whose probabilities can't be reproduced says by how much they differ."""
    edit(copy, "temperature = 0.01", "temperature = 0.02")
    package = load_package(copy)
    with pytest.raises(Misconfigured, match="gives other results here"):
        check_golden(package, NetworkClassifier(package, OnnxRuntime(package)))
