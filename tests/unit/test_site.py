"""The documentation as a site: strict about links and navigation, and nothing in it comes from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TAKEN = ("mkdocs.yml", "README.md", "CONTRIBUTING.md", "SECURITY.md")


def built(config: Path, site: Path) -> tuple[int, str]:
    """Build the site; return the exit status and what was said. With --quiet MkDocs would count no warnings."""
    command = [sys.executable, "-m", "mkdocs", "build", "--config-file", str(config)]
    command += ["--site-dir", str(site)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the documentation, to be spoiled."""
    folder = tmp_path / "copy"
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in TAKEN:
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Every page of the documentation is there; scripts, styles and pictures are its own."""
    status, said = built(ROOT / "mkdocs.yml", tmp_path / "site")
    assert status == 0, said
    pages = {file.relative_to(tmp_path / "site").with_suffix("") for file in (tmp_path / "site").rglob("*.html")}
    sources = {file.relative_to(ROOT / "docs").with_suffix("") for file in (ROOT / "docs").rglob("*.md")}
    assert {source for source in sources if source.name != "README"} - pages == set()
    loading = r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?(?:https?:)?//"
    strangers = [file.name for file in (tmp_path / "site").rglob("*.html") if re.search(loading, file.read_text())]
    assert strangers == []


def test_what_is_wrong_ends_the_build(copy: Path, tmp_path: Path) -> None:
    """A page without a place in the navigation, a link that leads nowhere, a heading that is not there."""
    (copy / "docs" / "how-to" / "unlisted.md").write_text("# A page that index.md forgets\n")
    (copy / "docs" / "glossary.md").write_text("# Glossary\n\n[link](how-to/nowhere.md), [heading](index.md#nothing)\n")
    status, said = built(copy / "mkdocs.yml", tmp_path / "site")
    assert status != 0
    assert [one for one in ("unlisted.md", "nowhere.md", "#nothing", "3 warnings") if one not in said] == [], said
