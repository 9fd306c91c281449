"""An object store for the tests: moto's server as a process of its own, which can be stopped and started again."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from dicom_node.store import StoreAddress
from tests.peers import free_port, wait_for

KEYS = {"access_key": "test-key", "secret_key": "test-secret", "region": "us-east-1"}
_COLOUR = re.compile(r"\x1b\[\d+m")
_REQUEST = re.compile(r'"(GET|PUT|HEAD|POST|DELETE) \S+ HTTP/1\.1" (\d+)')


@dataclass
class ObjectStore:
    """A server with buckets in memory."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def endpoint(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}"

    def make_bucket(self, name: str) -> None:
        """Make an empty bucket."""
        self._send("PUT", f"/{name}")

    def new_bucket(self) -> str:
        """Make a bucket that nobody else uses, and return its name."""
        name = f"bucket-{secrets.token_hex(6)}"
        self.make_bucket(name)
        return name

    def table(self, bucket: str, **keys: float) -> dict[str, str | float]:
        """Return the table of the settings that name a bucket."""
        return {"url": f"s3://{bucket}/films", "endpoint": self.endpoint, **KEYS, **keys}

    def address(self, bucket: str, drafts: Path, *, timeout_s: float = 10.0) -> StoreAddress:
        """Return where a bucket is."""
        return StoreAddress(
            url=f"s3://{bucket}/films", drafts=str(drafts), endpoint=self.endpoint, timeout_s=timeout_s, **KEYS
        )

    def keys(self, bucket: str) -> set[str]:
        """Return the names of the objects in a bucket."""
        return set(re.findall(r"<Key>([^<]*)</Key>", self._send("GET", f"/{bucket}?list-type=2").decode()))

    def content(self, bucket: str, key: str) -> bytes:
        """Return an object."""
        return self._send("GET", f"/{bucket}/{key}")

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Put something there past Hilum."""
        self._send("PUT", f"/{bucket}/{key}", content)

    def requests(self) -> list[str]:
        """Return what it was asked so far, each as its method and status."""
        found = _REQUEST.findall(_COLOUR.sub("", self.log.read_text()))
        return [f"{method} {status}" for method, status in found]

    def freeze(self) -> None:
        """Let it take connections and say nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def start(self) -> None:
        """Start it, empty, where it was."""
        self.process = _started(self.port, self.log)
        wait_for(self._answers)

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()

    def _send(self, method: str, path: str, content: bytes | None = None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.endpoint}{path}",
            data=content,
            method=method,
            headers={"Authorization": "AWS4-HMAC-SHA256 Credential=test-key/20261125/us-east-1/s3/aws4_request"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own address
            return bytes(answer.read())

    def _answers(self) -> bool:
        try:
            self._send("GET", "/")
        except URLError:
            return False
        return True


def _started(port: int, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "PYTHONWARNINGS": "ignore"})


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """Run the server for the block."""
    port, log = free_port(), folder / "object-store.log"
    store = ObjectStore(port=port, log=log, process=_started(port, log))
    try:
        wait_for(store._answers)
        yield store
    finally:
        store.stop()
