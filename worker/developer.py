"""The process that develops films, and the language it speaks: JSON and pixels, nothing that could be run."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from domain.errors import Crashed, Misconfigured, Permanent, Transient, Unforeseen
from domain.film import Developed, FilmHeader, GreyScale, NotClassifiable, Plate, Print, StoredFilm, Unsuitable, View
from domain.ids import SopInstanceUid
from worker.classify import develop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from multiprocessing.connection import Connection

    from domain.ports import FilmDuplicator, FilmPrinter, FilmReader

QUIT = b""
"""The request to end."""

_NO_PIXELS = b""
_LIMIT = "decoding a film took more memory than worker.decode_megabytes"


def serve(connection: Connection, reader: FilmDuplicator, spent: Callable[[], Mapping[str, float]] = dict) -> None:
    """Develop, print and copy what is asked for until told to end, or until the worker is gone.

    Args:
        connection: to the worker.
        reader: of films.
        spent: returns the seconds that the reader spent since it was last asked, by stage.
    """
    connection.send_bytes(b"ready")
    while True:
        try:
            request = connection.recv_bytes()
        except (EOFError, OSError):
            return
        if request == QUIT:
            return
        for part in _reply(request, reader, spent):
            connection.send_bytes(part)


def as_request(films: Sequence[StoredFilm], seen: Mapping[SopInstanceUid, FilmHeader]) -> bytes:
    """Write down which films to look at, and what is known of them."""
    return json.dumps({"films": [asdict(film) for film in films], "seen": _headers(seen)}).encode()


def as_print_request(film: StoredFilm, most_pixels: int) -> bytes:
    """Write down which film to make a picture of, and how large it may be."""
    return json.dumps({"print": asdict(film), "most_pixels": most_pixels}).encode()


def as_plate_request(film: StoredFilm, most_pixels: int) -> bytes:
    """Write down of which film the grey levels are wanted, and how large they may be."""
    return json.dumps({"plate": asdict(film), "most_pixels": most_pixels}).encode()


def from_reply(head: bytes, pixels: bytes) -> Developed:
    """Read what came of a request to develop.

    Raises:
        Transient: the store can't be read now.
        Crashed: there was not enough memory.
        Misconfigured: the installation is wrong.
        Unforeseen: the film's reader has a defect; the text names the type of its error.
    """
    reply = without_failure(head)
    square = np.frombuffer(pixels, dtype=np.float32).reshape(reply["shape"]) if reply["film"] else None
    return Developed(
        seen=_from_headers(reply["seen"]),
        film=None if reply["film"] is None else StoredFilm(**reply["film"]),
        square=square,
        seconds=reply["seconds"],
    )


def from_print_reply(head: bytes, pixels: bytes) -> Print:
    """Read what came of a request to print.

    Raises:
        Permanent: the film has no pixels that can be shown.
        HilumError: see `from_reply`.
    """
    reply = without_failure(head)
    rows, columns = reply["shape"]
    picture = np.frombuffer(pixels, dtype=np.uint8, count=rows * columns).reshape(rows, columns)
    square = np.frombuffer(pixels[rows * columns :], dtype=np.float32).reshape(reply["square"])
    return Print(picture=picture, square=square, is_resized=reply["is_resized"])


def from_plate_reply(head: bytes, pixels: bytes) -> Plate:
    """Read what came of a request for grey levels; raises what `from_print_reply` does."""
    reply = without_failure(head)
    rows, columns = reply["film_shape"]
    return Plate(
        levels=np.frombuffer(pixels, dtype="<u2").reshape(reply["shape"]),
        scale=GreyScale(**reply["scale"]),
        film_shape=(rows, columns),
    )


def without_failure(head: bytes, *, limit: str = _LIMIT) -> dict[str, Any]:
    """Return what a process answered; raises what `from_reply` does. `limit` is said where memory did not suffice."""
    reply: dict[str, Any] = json.loads(head)
    match reply["outcome"]:
        case "transient":
            raise Transient(reply["reason"])
        case "misconfigured":
            raise Misconfigured(reply["reason"])
        case "memory":
            raise Crashed(limit)
        case "unforeseen":
            raise Unforeseen(reply["reason"])
        case "unsuitable":
            raise Permanent(reply["reason"])
    return reply


def _reply(request: bytes, reader: FilmDuplicator, spent: Callable[[], Mapping[str, float]]) -> tuple[bytes, bytes]:
    asked = json.loads(request)
    acts: dict[str, Callable[..., tuple[dict[str, Any], bytes]]] = {"print": _printed, "plate": _copied}
    act = next((acts[kind] for kind in acts if kind in asked), _developed)
    head, pixels = answered(partial(act, asked, reader))
    return json.dumps({**head, "seconds": spent()}).encode(), pixels


def answered(act: Callable[[], tuple[dict[str, Any], bytes]]) -> tuple[dict[str, Any], bytes]:
    """Act, and return the two parts of the answer; of a failure what the worker may know of it."""
    try:
        return act()
    except (NotClassifiable, Permanent) as problem:  # their texts are sentences of ours
        return {"outcome": "unsuitable", "reason": str(problem)}, _NO_PIXELS
    except Transient as error:
        return {"outcome": "transient", "reason": str(error)}, _NO_PIXELS
    except Misconfigured as error:
        return {"outcome": "misconfigured", "reason": str(error)}, _NO_PIXELS
    except MemoryError:
        return {"outcome": "memory"}, _NO_PIXELS
    except Exception as error:  # noqa: BLE001 - its text may hold a patient's data, its type does not
        return {"outcome": "unforeseen", "reason": type(error).__name__}, _NO_PIXELS


def _developed(asked: dict[str, Any], reader: FilmReader) -> tuple[dict[str, Any], bytes]:
    films = [StoredFilm(**film) for film in asked["films"]]
    developed = develop(reader, films, _from_headers(asked["seen"]))
    square = developed.square
    head = {
        "outcome": "developed",
        "seen": _headers(developed.seen),
        "film": None if developed.film is None else asdict(developed.film),
        "shape": [] if square is None else list(square.shape),
    }
    return head, _NO_PIXELS if square is None else np.ascontiguousarray(square, dtype=np.float32).tobytes()


def _printed(asked: dict[str, Any], reader: FilmPrinter) -> tuple[dict[str, Any], bytes]:
    made = reader.printed(StoredFilm(**asked["print"]), most_pixels=asked["most_pixels"])
    head = {
        "outcome": "printed",
        "shape": list(made.picture.shape),
        "square": list(made.square.shape),
        "is_resized": made.is_resized,
    }
    return head, made.picture.tobytes() + np.ascontiguousarray(made.square, dtype=np.float32).tobytes()


def _copied(asked: dict[str, Any], reader: FilmDuplicator) -> tuple[dict[str, Any], bytes]:
    made = reader.plate(StoredFilm(**asked["plate"]), most_pixels=asked["most_pixels"])
    head = {
        "outcome": "copied",
        "shape": list(made.levels.shape),
        "film_shape": list(made.film_shape),
        "scale": asdict(made.scale),
    }
    return head, made.as_bytes()


def _headers(seen: Mapping[SopInstanceUid, FilmHeader]) -> dict[str, dict[str, Any]]:
    return {uid: {"view": header.view, "unsuitable": header.unsuitable} for uid, header in seen.items()}


def _from_headers(written: dict[str, dict[str, Any]]) -> dict[SopInstanceUid, FilmHeader]:
    return {
        SopInstanceUid(uid): FilmHeader(
            view=View(header["view"]),
            unsuitable=None if header["unsuitable"] is None else Unsuitable(header["unsuitable"]),
        )
        for uid, header in written.items()
    }
