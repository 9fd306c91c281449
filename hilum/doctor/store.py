"""The store: a film can be put there, read and taken away."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

from domain.errors import HilumError
from hilum import bootstrap
from hilum.doctor.check import failure, not_applicable, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.doctor.check import Finding
    from hilum.settings import Settings

_HOW = (
    "check store.url, store.endpoint, store.region and the keys; they must allow s3:PutObject, s3:GetObject, "
    "s3:DeleteObject and s3:ListBucket"
)


def store(settings: Settings) -> Iterator[Finding]:
    """Put an object into the bucket, read it, list it, take it away; of a folder see that it is ours."""
    if not settings.store.is_bucket:
        yield from _folder(settings)
        return
    from dicom_node.probe import probe
    from dicom_node.store import open_store

    done: list[str] = []
    with TemporaryDirectory(prefix="hilum-doctor-") as drafts:
        bucket = open_store(replace(bootstrap.store_address(settings), drafts=drafts))
        try:
            done.extend(probe(bucket, f"{socket.gethostname()}-{uuid4().hex}"))
        except (HilumError, OSError) as error:
            yield failure(f"{settings.store.url}: {error or type(error).__name__}", _HOW)
        else:
            yield ok(f"{settings.store.url}: an object was {', '.join(done)}")
        finally:
            bucket.close()


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.spool
    if folder.is_dir():
        good = os.access(folder, os.R_OK | os.W_OK | os.X_OK) and folder.stat().st_uid == os.geteuid()
        yield (
            ok(f"{folder}")
            if good
            else failure(f"{folder} is not ours to write", "run it as its owner, or chown -R it to Hilum's account")
        )
    elif settings.store.url:
        yield failure(f"there is no folder {folder}", "is the share mounted? if it is new: mkdir it there, once")
    else:
        yield not_applicable(f"{folder} is not there yet", "hilum up makes it")
