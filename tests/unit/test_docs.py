"""The documentation agrees with the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_generated_pages_are_current() -> None:
    """`make docs` would change nothing; a process of its own, since click remembers what others asked it."""
    check = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stderr


def test_every_link_between_pages_leads_somewhere() -> None:
    """Relative links in the README, the docs and the model card point to files that exist."""
    broken: list[str] = []
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("models/shipped/*/*.md")]:
        targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
        local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
        broken += [f"{page.name}: {target}" for target in local if not (page.parent / target).exists()]
    assert broken == []
