"""Certificates for tests of TLS."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.peers import OPENSSL, require


@dataclass
class Certificates:
    """PEM files of one authority and of one application that it vouches for."""

    authority: Path
    certificate: Path
    key: Path


def certificates(folder: Path, name: str, *, days: int = 2) -> Certificates:
    """Make an authority, and a certificate for 127.0.0.1 that holds for so many days; -1: it expired yesterday."""
    require(OPENSSL)
    made = Certificates(folder / f"{name}-ca.pem", folder / f"{name}.pem", folder / f"{name}-key.pem")
    authority_key, request, extensions = (folder / f"{name}-{part}" for part in ("ca-key.pem", "csr.pem", "ext"))
    extensions.write_text("subjectAltName=IP:127.0.0.1")

    def run(*arguments: str | Path) -> None:
        subprocess.run([OPENSSL, *arguments], check=True, capture_output=True)

    new = ("req", "-newkey", "rsa:2048", "-nodes", "-subj")
    run(*new, f"/CN={name} authority", "-x509", "-days", "2", "-keyout", authority_key, "-out", made.authority)
    run(*new, f"/CN={name}", "-keyout", made.key, "-out", request)
    signing = ("-CA", made.authority, "-CAkey", authority_key, "-CAcreateserial", "-extfile", extensions)
    run("x509", "-req", "-in", request, *signing, "-days", str(days), "-out", made.certificate)
    return made
