from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from domain.errors import Misconfigured
from hilum.cli import hilum
from tests.packages import TITLE, another_version, edit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.package import Package

NEWER = "tiny-1.1.0"


@pytest.fixture
def run(tiny_package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs `hilum models …` in an empty installation with which the tiny network is shipped; returns what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HILUM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HILUM_WORKER__DEVICE", "cpu")
    for module in ("package", "registry"):
        monkeypatch.setattr(f"models.{module}.SHIPPED", tiny_package.folder.parent)

    def invoke(*words: object, status: int = 0) -> str:
        result = CliRunner().invoke(hilum, ["models", *map(str, words)])
        if isinstance(result.exception, Misconfigured):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.output

    return invoke


@pytest.fixture
def newer(tiny_package: Package, tmp_path: Path) -> Path:
    """A package with a newer version of the tiny network."""
    return another_version(tiny_package.folder, tmp_path)


def test_from_installing_to_going_back(run: Callable[..., str], newer: Path) -> None:
    """Install, list, activate, go back: each is one command, and the list shows where one stands."""
    assert run("list") == f"* {TITLE}  (shipped)\n"
    assert f"hilum models activate {NEWER}" in run("install", newer)
    assert f"{NEWER} is active" in run("activate", NEWER)
    assert run("list") == f"  {TITLE}  (shipped, was active before)\n* {NEWER}\n"
    assert f"{TITLE} is active" in run("activate", "--previous")


def test_the_list_as_json(run: Callable[..., str]) -> None:
    """The list can be read by programs."""
    (entry,) = json.loads(run("list", "--json"))
    assert (entry["model"], entry["active"], entry["shipped"], entry["previous"]) == (TITLE, True, True, False)


def test_what_a_network_is(run: Callable[..., str], tiny_package: Package) -> None:
    """Without a name the active network is shown: its identity, looks, figures, and where its card lies."""
    shown = run("show")
    for text in (tiny_package.model.sha256, "crop, lungs", "custom_cnn", str(tiny_package.card), "macro_auroc", "CC0"):
        assert text in shown


def test_what_a_network_is_as_json(run: Callable[..., str], tiny_package: Package) -> None:
    """The same for programs, with the whole manifest."""
    shown = json.loads(run("show", "tiny", "--json"))
    assert (shown["name"], shown["sha256"]) == ("tiny", tiny_package.model.sha256)
    assert shown["manifest"]["training"]["sources"]["made up"]["films"] == 0


def test_an_intact_network_is_verified(run: Callable[..., str]) -> None:
    """Files and results are both checked."""
    said = run("verify")
    assert "8 files unchanged" in said
    assert "largest difference" in said


def test_a_damaged_network_is_refused(run: Callable[..., str], newer: Path) -> None:
    """A package's folder can be verified before it is installed; a wrong checksum is refused."""
    (newer / "MODEL_CARD.md").write_text("# Better\n")
    with pytest.raises(Misconfigured, match="was replaced"):
        run("verify", newer)


def test_a_network_with_other_results_is_not_activated(run: Callable[..., str], newer: Path) -> None:
    """A package that does not give its own results here is refused, and the active one stays."""
    edit(newer, "temperature = 0.01", "temperature = 0.05")
    run("install", newer)
    with pytest.raises(Misconfigured, match="gives other results here"):
        run("activate", "tiny")
    assert run("list").startswith(f"* {TITLE}")


@pytest.mark.parametrize(
    ("kind", "files"),
    [("onnx", {"classifier.onnx", "lungs.onnx"}), ("keras", {"classifier.keras", "lungs.keras"})],
)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras saves with NumPy 2
def test_a_network_is_exported(run: Callable[..., str], tmp_path: Path, kind: str, files: set[str]) -> None:
    """The two networks come out as files for other toolkits."""
    run("export", "tiny", tmp_path / "out", "--format", kind)
    assert {path.name for path in (tmp_path / "out").iterdir()} == files


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # as above
def test_an_exported_keras_file_computes_the_same(
    run: Callable[..., str], tmp_path: Path, tiny_package: Package
) -> None:
    """Keras reads the exported network, and it gives the scores of the package."""
    import keras
    import numpy as np

    from models.onnx_runtime import OnnxRuntime

    run("export", "tiny", tmp_path / "out", "--format", "keras")
    looks = np.random.default_rng(0).random((2, 32, 32), dtype=np.float32)
    network = keras.models.load_model(tmp_path / "out" / "classifier.keras")
    scores = network(looks[..., None], training=False)["logits"].numpy()
    assert scores == pytest.approx(OnnxRuntime(tiny_package).classes(looks)[0], abs=1e-4)


def test_an_exported_package_can_be_installed_elsewhere(run: Callable[..., str], newer: Path, tmp_path: Path) -> None:
    """A zip file made by `export` is what `install` takes."""
    run("export", newer, tmp_path / "model.zip")
    assert NEWER in run("install", tmp_path / "model.zip")


def test_activating_needs_one_target(run: Callable[..., str]) -> None:
    """Neither a name nor --previous, or both, is a mistake that the command names."""
    assert "Give a MODEL or --previous" in run("activate", status=2)
    assert "Give a MODEL or --previous" in run("activate", "tiny", "--previous", status=2)


def test_a_shadow_is_shown_in_the_list_until_it_is_stopped(run: Callable[..., str], newer: Path) -> None:
    """It has no star: what it says is no result."""
    run("install", newer)
    assert run("shadow", NEWER) == f"{NEWER} is the shadow; workers take it up within seconds.\n"
    assert run("list") == f"* {TITLE}  (shipped)\n  {NEWER}  (shadow)\n"
    assert run("shadow", "--stop") == f"{NEWER} is no longer the shadow.\n"
    assert run("shadow", "--stop") == "There is no shadow.\n"


@pytest.mark.parametrize("length", ["30", "0d", "d", "12m", "99999w", "-1d"])
def test_a_length_of_time_that_is_none_is_refused(run: Callable[..., str], length: str) -> None:
    """With examples of what is one."""
    assert "write 12h, 30d or 8w" in run("compare", "--since", length, status=2)


def test_the_active_network_is_not_replayed_beside_itself(run: Callable[..., str]) -> None:
    """There would be nothing to compare."""
    with pytest.raises(Misconfigured, match="nothing to compare"):
        run("replay", "tiny")
