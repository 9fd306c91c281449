"""Programs that judge our DICOM files, as functions that return what they complain of."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.peers import missing

DCIODVFY = Path("/usr/bin/dciodvfy")
DSRDUMP = Path("/usr/bin/dsrdump")
DCENTVFY = Path("/usr/bin/dcentvfy")
DCMPSCHK = Path("/usr/bin/dcmpschk")
DCM2PDF = Path("/usr/bin/dcm2pdf")
DCM2PNM = Path("/usr/bin/dcm2pnm")
DCMJ2PNM = Path("/usr/bin/dcmj2pnm")
DCML2PNM = Path("/usr/bin/dcml2pnm")
DCMCJPEG = Path("/usr/bin/dcmcjpeg")
DCMCJPLS = Path("/usr/bin/dcmcjpls")
DCMCONV = Path("/usr/bin/dcmconv")
DCMCRLE = Path("/usr/bin/dcmcrle")
PIXELMED = Path("/usr/share/java/pixelmed.jar")
JAVA = Path("/usr/bin/java")
# Absolute paths: Python packages install programs of the same names into a virtual environment.

_DEBIAN_PACKAGE = {
    DCIODVFY: "dicom3tools",
    DSRDUMP: "dcmtk",
    DCENTVFY: "dicom3tools",
    DCMPSCHK: "dcmtk",
    DCM2PDF: "dcmtk",
    DCM2PNM: "dcmtk",
    DCMCJPEG: "dcmtk",
    DCMCJPLS: "dcmtk",
    DCMCONV: "dcmtk",
    DCMCRLE: "dcmtk",
    DCMJ2PNM: "dcmtk",
    DCML2PNM: "dcmtk",
    PIXELMED: "libpixelmed-java",
    JAVA: "default-jre-headless",
}

_PIXELMED_COMMAND = [
    str(JAVA),
    # The rules are one large XSLT: newer Java runtimes refuse it at their default limits (JAXP0801003).
    "-Djdk.xml.xpathTotalOpLimit=0",
    "-Djdk.xml.xpathExprOpLimit=0",
    "-Djdk.xml.xpathExprGrpLimit=0",
    "-cp",
    str(PIXELMED),
    "com.pixelmed.validate.DicomSRValidator",
    "-checktemplateid",
]

DCIODVFY_ALLOWED: dict[str, str] = {}
"""Errors that are let pass, each with its reason; none is."""

PIXELMED_ALLOWED: dict[str, str] = {
    r"CODE \(705057003,.*: Content Item not in template$": "an extra item; TID 1501 is extensible",
    r"TEXT \(122405,.*: Content Item not in template$": "joined TID 4019 after these rules",
}
"""Messages that are let pass, by pattern, each with its reason."""


def require(*programs: Path) -> None:
    """Skip the test with one sentence where a program is missing, but fail in CI."""
    for program in programs:
        if not program.exists():
            missing(str(program), f"on Debian: apt-get install {_DEBIAN_PACKAGE[program]}")


def dciodvfy(path: Path) -> list[str]:
    """Return the errors about the IOD: modules, value lengths, evidence against references."""
    require(DCIODVFY)
    done = _run([str(DCIODVFY), str(path)])
    errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
    if done.returncode != 0 and not errors:
        errors = [f"exit status {done.returncode}"]
    return _not_allowed(errors, DCIODVFY_ALLOWED)


def pixelmed(path: Path) -> list[str]:
    """Return errors and warnings about template, relationships and context groups that are not allowed."""
    require(JAVA, PIXELMED)
    done = _run([*_PIXELMED_COMMAND, str(path)])
    output = done.stdout + done.stderr
    if "Root Template Validation Complete" not in output:
        return [f"no verdict: {output[-500:]}"]
    found = [line for line in output.splitlines() if line.startswith(("Error", "Warning"))]
    return _not_allowed(found, PIXELMED_ALLOWED)


def dsrdump(path: Path) -> list[str]:
    """Return the faults that keep dcmtk from reading the document."""
    require(DSRDUMP)
    done = _run([str(DSRDUMP), str(path)])
    faults = [line for line in done.stderr.splitlines() if line.startswith(("F:", "E:"))]
    return faults or ([] if done.returncode == 0 else [f"exit status {done.returncode}"])


def dcentvfy(*paths: Path) -> list[str]:
    """Return where the objects of a study contradict each other about patient, study, series or equipment."""
    require(DCENTVFY)
    done = _run([str(DCENTVFY), *map(str, paths)])
    errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
    return errors or ([] if done.returncode == 0 else [f"exit status {done.returncode}"])


def dcmpschk(path: Path) -> list[str]:
    """Return what dcmtk finds wrong in a presentation state."""
    require(DCMPSCHK)
    done = _run([str(DCMPSCHK), str(path)])
    said = (done.stdout + done.stderr).splitlines()
    faults = [line for line in said if line.startswith(("F:", "E:"))]
    return faults if any("Test passed" in line for line in said) else [*faults, "the test was not passed"]


def dcm2pdf(path: Path) -> bytes:
    """Return the pages that dcmtk finds in a document; none where it finds none."""
    require(DCM2PDF)
    pages = path.with_suffix(".pdf")
    done = _run([str(DCM2PDF), str(path), str(pages)])
    return pages.read_bytes() if done.returncode == 0 else b""


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=110, check=False)


def _not_allowed(lines: list[str], allowed: dict[str, str]) -> list[str]:
    return [line for line in lines if not any(re.search(pattern, line) for pattern in allowed)]
