"""What `make site` does beside MkDocs: navigation from `index.md`, and the pages that lie outside of this folder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

from models.package import CARD as CARD_NAME
from models.package import shipped_package

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

DOCS = Path(__file__).parent
ROOT = DOCS.parent
CARD = shipped_package() / CARD_NAME
SHIPPED = CARD.parent.parent
OUTSIDE = {
    ROOT / "README.md": "project/readme.md",
    ROOT / "CONTRIBUTING.md": "project/contributing.md",
    ROOT / "SECURITY.md": "project/security.md",
    CARD: "project/model-card.md",
}
"""Pages of the repository that the site has as well, by where they lie there."""
_TITLES = {"readme": "README", "contributing": "Contributing", "security": "Security", "model-card": "Model card"}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_ENTRY = re.compile(r"^- \[([^\]]+)\]\(([^)]+\.md)\)", re.MULTILINE)
_DECISION = re.compile(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", re.MULTILINE)
_DECISIONS = "adr/README.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the navigation of what `index.md` lists, so that a page that it forgets is an error of the build."""
    start, *parts = (DOCS / "index.md").read_text().split("\n## ")
    del start
    nav: list[Any] = [{"Hilum": "index.md"}]
    for part in parts:
        title, _, body = part.partition("\n")
        entries = [(name, path) for name, path in _ENTRY.findall(body) if not path.startswith("../")]
        nav.append({title: [_entry(name, path) for name, path in entries]})
    nav.append({"Project": [{_TITLES[Path(place).stem]: place} for place in OUTSIDE.values()]})
    config.nav = nav
    return config


def _entry(name: str, path: str) -> dict[str, Any]:
    if path != _DECISIONS:
        return {name: path}
    decisions = _DECISION.findall((DOCS / path).read_text())
    return {name: [path, *({f"{number} {title}": f"adr/{file}"} for number, file, title in decisions)]}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside."""
    for source, place in OUTSIDE.items():
        files.append(File.generated(config, place, abs_src_path=str(source)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Lead links of the repository to where the site has the same; what it does not have becomes plain text."""
    source = Path(str(page.file.abs_src_path))
    here = Path(page.file.src_uri).parent

    def led(match: re.Match[str]) -> str:
        mark, text, target, anchor = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match.group()
        place = _place((source.parent / target).resolve())
        return text if place is None else f"{mark}[{text}]({os.path.relpath(place, here)}{anchor or ''})"

    return _LINK.sub(led, markdown)


def _place(file: Path) -> Path | None:
    """Return where the site has a file or folder of the repository; None: nowhere."""
    if file == SHIPPED:
        file = CARD
    if file in OUTSIDE:
        return Path(OUTSIDE[file])
    return file.relative_to(DOCS) if file.is_relative_to(DOCS) else None
