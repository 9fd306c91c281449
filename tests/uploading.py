"""What the pages of uploads are tested with: films as files, and a room that takes them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image
from sqlalchemy import Engine

from db.uploads import PostgresUploads
from domain.errors import Permanent
from domain.film import StoredFilm
from domain.ids import AccountId, StudyId
from domain.uploads import BadUpload, Refusal, UploadKind, Wish
from models.pages import PageSetter
from models.wording import wording
from web.pages.upload_room import UploadRoom

FILMS = Path(__file__).parent.parent / "hilum" / "demo" / "films"


@dataclass
class ClosedDoor:
    """Takes nothing."""

    asked: list[tuple[bytes, UploadKind, Wish, AccountId]] = field(default_factory=list)

    def take(self, file: IO[bytes], kind: UploadKind, wish: Wish, *, account: AccountId) -> StudyId:
        """Refuse the file."""
        self.asked.append((file.read(), kind, wish, account))
        raise BadUpload(Refusal.NO_FILM)


@dataclass
class OpenDoor:
    """Takes everything for films of one study, which is there already."""

    study_id: StudyId
    asked: list[tuple[bytes, UploadKind, Wish, AccountId]] = field(default_factory=list)

    def take(self, file: IO[bytes], kind: UploadKind, wish: Wish, *, account: AccountId) -> StudyId:
        """Take the file."""
        self.asked.append((file.read(), kind, wish, account))
        return self.study_id


def upload_room(engine: Engine, door: ClosedDoor | OpenDoor | None = None, **changes: int) -> UploadRoom:
    """Return a room whose uploads are in a database, whose films have no pixels, and whose door is closed."""
    values = {"largest_bytes": 1_000_000, "a_minute": 10, **changes}
    return UploadRoom(
        ledger=PostgresUploads(engine),
        door=door or ClosedDoor(),
        picture=_no_picture,
        words=wording,
        typesetter=PageSetter(),
        **values,
    )


def jpeg(*, exif: str = "", size: tuple[int, int] = (300, 200)) -> bytes:
    """Return a picture of a slope, with a description in its EXIF or without."""
    slope = np.linspace(0, 255, size[0] * size[1]).astype(np.uint8).reshape(size[1], size[0])
    content, tags = BytesIO(), Image.Exif()
    if exif:
        tags[0x010E] = exif  # ImageDescription
    Image.fromarray(slope).save(content, "JPEG", exif=tags)
    return content.getvalue()


def png_bomb(side: int = 12_000) -> bytes:
    """Return a PNG of some hundred kilobytes that has 144 million pixels."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    parts = ((b"IHDR", side.to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0])), (b"IDAT", rows), (b"IEND", b""))
    chunks = (
        len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4) for name, content in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _no_picture(_: StoredFilm) -> bytes:
    raise Permanent("no pixels")
