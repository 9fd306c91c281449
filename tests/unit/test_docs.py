"""The documentation agrees with the code."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_generated_pages_are_current() -> None:
    """`make docs` would change nothing."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    stale = [file.name for file, text in generate.pages().items() if file.read_text() != text]
    assert stale == [], "run make docs"


def test_every_link_between_pages_leads_somewhere() -> None:
    """Relative links in the README, the docs and the model card point to files that exist."""
    broken: list[str] = []
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("models/shipped/*/*.md")]:
        targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
        local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
        broken += [f"{page.name}: {target}" for target in local if not (page.parent / target).exists()]
    assert broken == []
