"""The networks that are installed on this machine, and which of them is at work."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import Misconfigured
from domain.shadow import Appointment
from models.golden import check_golden
from models.package import MANIFEST, SHIPPED, Package, load_package, shipped_package, split_title, version_order
from models.parcel import unpack

if TYPE_CHECKING:
    from models.classifier import NetworkClassifier

_ACTIVE = "active"
_PREVIOUS = "previous"
_SHADOW = "shadow"

Open = Callable[[Package], "NetworkClassifier"]
"""Makes a package ready to classify on this machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One network of the registry, not checked yet."""

    title: str
    """Name and version, `NAME-VERSION`."""
    folder: Path
    shipped: bool
    active: bool
    previous: bool
    shadow: bool


class Registry:
    """A folder of installed networks, one in each folder `NAME-VERSION`, beside those that come with Hilum.

    The file `active` holds one line: the title of the network at work and its SHA-256; `previous` that of the one
    before. Without them the shipped network is at work. `shadow` holds that of the one on trial, if there is one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self) -> list[Entry]:
        """Return every network, sorted by name and version."""
        active, previous, shadow = (self._recorded(name) for name in (_ACTIVE, _PREVIOUS, _SHADOW))
        at_work = shipped_package().name if active is None else active[0]
        return [
            Entry(
                title=title,
                folder=folder,
                shipped=folder.parent == SHIPPED,
                active=title == at_work,
                previous=previous is not None and title == previous[0],
                shadow=shadow is not None and title == shadow[0],
            )
            for title, folder in sorted(self._folders().items(), key=lambda item: _order(item[0]))
        ]

    def find(self, word: str) -> Path:
        """Return the folder of a network by `NAME-VERSION`, or by its name alone the newest version.

        Raises:
            Misconfigured: there is none.
        """
        folders = self._folders()
        if word in folders:
            return folders[word]
        versions = [title for title in folders if title.rpartition("-")[0] == word]
        if not versions:
            known = ", ".join(sorted(folders, key=_order)) or "none"
            raise Misconfigured(f"there is no network {word!r} here; known: {known}")
        return folders[max(versions, key=version_order)]

    def active(self) -> Package:
        """Return the network at work, checked.

        Raises:
            Misconfigured: it is damaged, gone, or another than the one that was activated.
        """
        recorded = self._recorded(_ACTIVE)
        if recorded is None:
            return load_package(shipped_package())
        return self._load_recorded(*recorded)

    def install(self, source: Path) -> Package:
        """Copy a package, a folder or a zip file, into the registry; the copy is checked before it counts.

        A network that is here already, with the same content, is left as it is.

        Raises:
            Misconfigured: the source can't be read or is no valid package, or its name and version are taken by
                another content.
        """
        with self._draft() as draft:
            unpack(source, draft)
            package = load_package(draft)
            present = self._folders().get(package.title)
            if present is not None:
                return _same(load_package(present), package)
            _sync(draft)
            place = self._folder / package.title
            try:
                draft.rename(place)
            except OSError as error:  # somebody else installed it meanwhile
                raise Misconfigured(f"{place} can't be made: {error.strerror}") from error
            _sync_folder(self._folder)
        return load_package(place)

    def activate(self, word: str, make: Open) -> tuple[Package, float]:
        """Put a network to work, once it is checked and reproduces its own results on this machine.

        Return it, with the largest difference of a probability. The one at work before is remembered.

        Raises:
            Misconfigured: there is no such network, it is damaged, or it gives other results here.
        """
        package = load_package(self.find(word))
        difference = check_golden(package, make(package))
        current = self._line_at_work()
        line = f"{package.title} {package.model.sha256}"
        if current is not None and current != line:
            self._record(_PREVIOUS, current)
        self._record(_ACTIVE, line)
        with suppress(Misconfigured):  # what is on trial is in nobody's way, nor is a broken record of it
            if self._recorded(_SHADOW) == (package.title, package.model.sha256):
                self.dismiss_shadow()
        return package, difference

    def activate_previous(self, make: Open) -> tuple[Package, float]:
        """Go back to the network that was at work before; doing it twice changes nothing in the end.

        Raises:
            Misconfigured: there was none before, or it can't be activated.
        """
        recorded = self._recorded(_PREVIOUS)
        if recorded is None:
            raise Misconfigured("no other network was at work before, so there is none to go back to")
        return self.activate(self._load_recorded(*recorded).title, make)

    def shadow(self) -> Appointment | None:
        """Return which network is the shadow, not checked yet; None: there is none.

        Raises:
            Misconfigured: what is recorded can't be read.
        """
        recorded = self._recorded(_SHADOW)
        return None if recorded is None else Appointment(*recorded)

    def load_shadow(self, appointed: Appointment) -> Package:
        """Return a network that was made the shadow, checked.

        Raises:
            Misconfigured: it is damaged, gone, or another than it was then.
        """
        return self._load_recorded(*appointed, act="shadow")

    def appoint_shadow(self, word: str, make: Open) -> Package:
        """Make a network the shadow, once it is checked and reproduces its own results on this machine.

        Raises:
            Misconfigured: there is no such network, it is damaged, at work already, or it gives other results here.
        """
        package = load_package(self.find(word))
        line = f"{package.title} {package.model.sha256}"
        if line == self._line_at_work():
            raise Misconfigured(f"{package.title} is the active network: beside itself it shows nothing")
        check_golden(package, make(package))
        self._record(_SHADOW, line)
        return package

    def dismiss_shadow(self) -> str | None:
        """End the shadow; return its title, None where there was none."""
        recorded = self._recorded(_SHADOW)
        with self._writing():
            (self._folder / _SHADOW).unlink(missing_ok=True)
        return None if recorded is None else recorded[0]

    def _load_recorded(self, title: str, sha256: str, *, act: str = "activate") -> Package:
        package = load_package(self.find(title))
        if package.model.sha256 != sha256:
            done = "activated as" if act == "activate" else "made the shadow as"
            raise Misconfigured(
                f"{package.folder} is another network than the one that was {done} {title}; if you trust it, "
                f"{act} it anew: hilum models {act} {title}"
            )
        return package

    def _line_at_work(self) -> str | None:
        """Return the record of the network at work; None where it is the shipped one and damaged: no way back then."""
        recorded = self._recorded(_ACTIVE)
        if recorded is not None:
            return " ".join(recorded)
        try:
            shipped = load_package(shipped_package())
        except Misconfigured:
            return None
        return f"{shipped.title} {shipped.model.sha256}"

    def _folders(self) -> dict[str, Path]:
        """Return the folder of every network by title; what is installed hides nothing that is shipped."""
        places = [*self._folder.glob(f"*/{MANIFEST}"), *SHIPPED.glob(f"*/{MANIFEST}")]
        return {path.parent.name: path.parent for path in places if split_title(path.parent.name)}

    def _recorded(self, name: str) -> tuple[str, str] | None:
        path = self._folder / name
        try:
            words = path.read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{path} can't be read: {error}") from error
        if len(words) != 2 or not split_title(words[0]):  # noqa: PLR2004 - title and SHA-256
            raise Misconfigured(f"{path} must hold one line, `NAME-VERSION SHA-256`; remove it to use what is shipped")
        return words[0], words[1]

    def _record(self, name: str, line: str) -> None:
        with self._writing():
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._folder / f".{name}.{os.getpid()}"
            with draft.open("w", encoding="utf-8") as file:
                file.write(f"{line}\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / name)
            _sync_folder(self._folder)

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """Yield an empty folder beside the installed networks, and remove it if it is still there at the end."""
        with self._writing():
            self._folder.mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(dir=self._folder, prefix=".install-"))
        try:
            (work / "package").mkdir(mode=0o755)
            yield work / "package"
        finally:
            shutil.rmtree(work, ignore_errors=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Misconfigured(f"{self._folder} can't be written: {error.strerror}") from error


def _same(present: Package, new: Package) -> Package:
    if present.model.sha256 != new.model.sha256:
        raise Misconfigured(
            f"{present.folder} is there already with another content; a network that changed needs another version"
        )
    return present


def _order(title: str) -> tuple[str, tuple[int, ...]]:
    return title.rpartition("-")[0], version_order(title)


def _sync(folder: Path) -> None:
    """Bring every file and the folder itself to the disk."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
