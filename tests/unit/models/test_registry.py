from __future__ import annotations

import stat
import zipfile
from typing import TYPE_CHECKING

import pytest

from domain.errors import Misconfigured
from models import package as packages
from models import registry as registries
from models.classifier import NetworkClassifier
from models.onnx_runtime import OnnxRuntime
from models.parcel import copy_graphs, pack
from models.registry import Registry
from tests.packages import TITLE, another_version, edit

if TYPE_CHECKING:
    from pathlib import Path

    from models.package import Package

NEWER = "tiny-1.1.0"


@pytest.fixture
def registry(tiny_package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """An empty registry of an installation with which the tiny network is shipped."""
    for module in (packages, registries):
        monkeypatch.setattr(module, "SHIPPED", tiny_package.folder.parent)
    return Registry(tmp_path / "home" / "models")


@pytest.fixture
def newer(tiny_package: Package, tmp_path: Path) -> Path:
    """A package with a newer version of the tiny network."""
    return another_version(tiny_package.folder, tmp_path)


def _ready(package: Package) -> NetworkClassifier:
    return NetworkClassifier(package, OnnxRuntime(package, threads=1))


def _listed(registry: Registry) -> dict[str, str]:
    return {entry.title: "active" * entry.active + "previous" * entry.previous for entry in registry.entries()}


def test_the_shipped_network_is_active_at_first(registry: Registry) -> None:
    """An installation that nobody touched uses the network that came with it."""
    assert registry.active().title == TITLE
    assert _listed(registry) == {TITLE: "active"}


def test_installing_does_not_activate(registry: Registry, newer: Path) -> None:
    """A newly installed network is known, complete, and not at work."""
    package = registry.install(newer)
    assert package.folder.parent.name == "models"
    assert _listed(registry) == {TITLE: "active", NEWER: ""}


def test_activating_and_going_back(registry: Registry, newer: Path) -> None:
    """After an activation the new network is at work; one call brings the old one back."""
    registry.install(newer)
    _, difference = registry.activate(NEWER, _ready)
    assert difference < 1e-3
    assert registry.active().title == NEWER
    assert _listed(registry) == {TITLE: "previous", NEWER: "active"}
    registry.activate_previous(_ready)
    assert _listed(registry) == {TITLE: "active", NEWER: "previous"}


def test_activating_twice_keeps_the_way_back(registry: Registry, newer: Path) -> None:
    """The network at work may be activated again without becoming its own predecessor."""
    registry.install(newer)
    registry.activate(NEWER, _ready)
    registry.activate(NEWER, _ready)
    assert _listed(registry) == {TITLE: "previous", NEWER: "active"}


def test_a_name_means_the_newest_version(registry: Registry, tiny_package: Package, tmp_path: Path) -> None:
    """Version 1.10.0 is newer than 1.9.0."""
    for version in ("1.10.0", "1.9.0"):
        registry.install(another_version(tiny_package.folder, tmp_path, version))
    assert registry.find("tiny").name == "tiny-1.10.0"
    assert [entry.title for entry in registry.entries()] == [TITLE, "tiny-1.9.0", "tiny-1.10.0"]


def test_an_unknown_network_is_named_with_the_known(registry: Registry) -> None:
    """Asking for a network that is not there lists those that are."""
    with pytest.raises(Misconfigured, match=f"no network 'huge' here; known: {TITLE}"):
        registry.find("huge")


def test_without_a_previous_network_there_is_no_way_back(registry: Registry) -> None:
    """Going back before anything was activated says that there is nothing."""
    with pytest.raises(Misconfigured, match="none to go back to"):
        registry.activate_previous(_ready)


def test_other_results_keep_the_old_network_at_work(registry: Registry, newer: Path) -> None:
    """A network that does not reproduce its results here is not activated."""
    edit(newer, "temperature = 0.01", "temperature = 0.02")
    registry.install(newer)
    with pytest.raises(Misconfigured, match="gives other results here"):
        registry.activate(NEWER, _ready)
    assert _listed(registry) == {TITLE: "active", NEWER: ""}


def test_an_active_network_that_was_exchanged_is_refused(registry: Registry, newer: Path) -> None:
    """The worker gets the network that was activated, or none: not another one under the same name."""
    registry.activate(registry.install(newer).title, _ready)
    edit(registry.find(NEWER), "undetermined_below = 0.4", "undetermined_below = 0.0")
    with pytest.raises(Misconfigured, match="another network than the one that was activated"):
        registry.active()


def test_an_active_network_that_is_gone_is_refused(registry: Registry, newer: Path) -> None:
    """Removing the active network's folder does not silently bring the shipped one to work."""
    import shutil

    registry.activate(registry.install(newer).title, _ready)
    shutil.rmtree(registry.find(NEWER))
    with pytest.raises(Misconfigured, match=f"no network '{NEWER}' here"):
        registry.active()


def test_a_damaged_record_is_refused(registry: Registry, tmp_path: Path) -> None:
    """A file `active` that holds something else says what belongs there."""
    (tmp_path / "home" / "models").mkdir(parents=True)
    (tmp_path / "home" / "models" / "active").write_text("../../elsewhere\n")
    with pytest.raises(Misconfigured, match="must hold one line"):
        registry.active()


def test_installing_twice_changes_nothing(registry: Registry, newer: Path) -> None:
    """The same network may be installed again."""
    assert registry.install(newer).folder == registry.install(newer).folder


def test_another_content_needs_another_version(registry: Registry, newer: Path) -> None:
    """A network that changed can't take the place of an installed one."""
    registry.install(newer)
    edit(newer, "temperature = 0.01", "temperature = 0.02")
    with pytest.raises(Misconfigured, match="there already with another content"):
        registry.install(newer)


def test_a_refused_package_leaves_nothing_behind(registry: Registry, newer: Path, tmp_path: Path) -> None:
    """After a failed installation the registry's folder is as it was."""
    (newer / "MODEL_CARD.md").write_text("# Better than it is\n")
    with pytest.raises(Misconfigured, match="was replaced"):
        registry.install(newer)
    assert list((tmp_path / "home" / "models").iterdir()) == []


def test_a_zip_file_goes_out_and_in(registry: Registry, newer: Path, tmp_path: Path) -> None:
    """An exported package can be installed elsewhere, and the same package gives the same bytes."""
    package = packages.load_package(newer)
    pack(package, tmp_path / "a.zip")
    pack(package, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert registry.install(tmp_path / "a.zip").model == package.model


@pytest.mark.parametrize("name", ["../manifest.toml", "/etc/manifest.toml", "a/b/manifest.toml", "a\\manifest.toml"])
def test_a_zip_file_stays_in_its_folder(registry: Registry, tmp_path: Path, name: str) -> None:
    """A path that leads elsewhere is refused before anything is written."""
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(name, "")
    with pytest.raises(Misconfigured, match="leaves the package's folder"):
        registry.install(tmp_path / "bad.zip")


def test_a_zip_file_brings_no_links(registry: Registry, tmp_path: Path) -> None:
    """A symbolic link in a zip file is refused."""
    entry = zipfile.ZipInfo("manifest.toml")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(Misconfigured, match="leaves the package's folder"):
        registry.install(tmp_path / "bad.zip")


def test_a_zip_file_holds_one_package(registry: Registry, tmp_path: Path) -> None:
    """Files of two folders are refused."""
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("a/manifest.toml", "")
        archive.writestr("b/manifest.toml", "")
    with pytest.raises(Misconfigured, match="does not hold one package"):
        registry.install(tmp_path / "bad.zip")


def test_a_link_in_a_folder_is_refused(registry: Registry, newer: Path) -> None:
    """A package that points at files elsewhere is refused."""
    (newer / "MODEL_CARD.md").rename(newer.parent / "elsewhere.md")
    (newer / "MODEL_CARD.md").symlink_to(newer.parent / "elsewhere.md")
    with pytest.raises(Misconfigured, match="is no plain file"):
        registry.install(newer)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "there is no package"), (b"text", "neither a folder nor a zip")]
)
def test_a_source_that_is_no_package_is_refused(
    registry: Registry, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """A missing source, or a file that is no zip file, is refused with a sentence."""
    if content is not None:
        (tmp_path / "source").write_bytes(content)
    with pytest.raises(Misconfigured, match=reason):
        registry.install(tmp_path / "source")


def test_a_damaged_zip_file_is_refused(registry: Registry, newer: Path, tmp_path: Path) -> None:
    """A zip file with a changed byte is refused, by its own checksum or by the package's."""
    pack(packages.load_package(newer), tmp_path / "a.zip")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(Misconfigured):
        registry.install(tmp_path / "a.zip")


def test_exporting_overwrites_nothing(tiny_package: Package, tmp_path: Path) -> None:
    """A file or folder that is there already stays what it was."""
    (tmp_path / "mine.zip").write_text("mine")
    with pytest.raises(Misconfigured, match="is there already"):
        pack(tiny_package, tmp_path / "mine.zip")
    assert (tmp_path / "mine.zip").read_text() == "mine"


def test_graphs_are_exported_as_they_are(tiny_package: Package, tmp_path: Path) -> None:
    """The exported ONNX files are those of the package."""
    copy_graphs(tiny_package, tmp_path / "out")
    for name in ("classifier.onnx", "lungs.onnx"):
        assert (tmp_path / "out" / name).read_bytes() == (tiny_package.folder / name).read_bytes()


def test_a_shadow_is_appointed_and_dismissed(registry: Registry, newer: Path) -> None:
    """It is one line beside that of the active network, which stays."""
    package = registry.install(newer)
    registry.appoint_shadow(NEWER, _ready)
    appointed = registry.shadow()
    assert appointed == (NEWER, package.model.sha256)
    assert registry.load_shadow(appointed).title == NEWER
    assert {entry.title for entry in registry.entries() if entry.shadow} == {NEWER}
    assert _listed(registry) == {TITLE: "active", NEWER: ""}
    assert (registry.dismiss_shadow(), registry.shadow(), registry.dismiss_shadow()) == (NEWER, None, None)


def test_the_active_network_is_no_shadow(registry: Registry) -> None:
    """Beside itself it shows nothing."""
    with pytest.raises(Misconfigured, match="is the active network"):
        registry.appoint_shadow(TITLE, _ready)


def test_a_network_with_other_results_is_no_shadow(registry: Registry, newer: Path) -> None:
    """What it said would tell nothing of it."""
    edit(newer, "temperature = 0.01", "temperature = 0.02")
    registry.install(newer)
    with pytest.raises(Misconfigured, match="gives other results here"):
        registry.appoint_shadow(NEWER, _ready)
    assert registry.shadow() is None


def test_a_shadow_that_is_activated_is_one_no_longer(registry: Registry, newer: Path) -> None:
    """And another one stays."""
    registry.install(newer)
    registry.appoint_shadow(NEWER, _ready)
    registry.activate(TITLE, _ready)
    assert registry.shadow() is not None
    registry.activate(NEWER, _ready)
    assert registry.shadow() is None


def test_a_shadow_that_was_exchanged_is_refused(registry: Registry, newer: Path) -> None:
    """As an active network is."""
    registry.install(newer)
    registry.appoint_shadow(NEWER, _ready)
    edit(registry.find(NEWER), "undetermined_below = 0.4", "undetermined_below = 0.0")
    appointed = registry.shadow()
    assert appointed is not None
    with pytest.raises(Misconfigured, match=f"made the shadow as .* hilum models shadow {NEWER}"):
        registry.load_shadow(appointed)
