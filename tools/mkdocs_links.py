"""Makes a site of documents that are written for a code host, and keeps it free of other hosts.

The documents link to the README and to files of the repository: the README and the changelog become
pages, files that are linked to become part of the site, and links to folders become plain text. A
document that ``nav`` in mkdocs.yml does not have is added to its last section.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
README = "readme.md"
CHANGELOG = "changelog.md"
SOURCES = "source"

_LINK = re.compile(r"(?<!\!)\[((?:[^\[\]]|\[[^\]]*\]\([^)]*\))*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w+),\S*$", re.MULTILINE)
_COMMENT = re.compile(r"^<!-- python: .* -->\n", re.MULTILINE)
_LIST = re.compile(r"^(?![-*|>#\s]|\d+\. )(.+)\n(?=(?:[-*]|\d+\.) )", re.MULTILINE)
_OTHER_HOSTS = re.compile(
    r"""(?:<(?:script|img|iframe)[^>]*\ssrc|<link[^>]*rel="(?:stylesheet|preconnect|icon)"[^>]*\shref)"""
    r"""=["'](?:https?:)?//[^"']+|url\(["']?(?:https?:)?//[^)]+"""
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the documents that the navigation does not have."""
    assert config.nav is not None
    listed = set(_pages(config.nav))
    others = sorted(
        path.name for path in Path(config.docs_dir).glob("*.md") if path.name not in listed
    )
    [last] = config.nav[-1].values()
    last.extend(others)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README, and the files that documents link to."""
    readme = (ROOT / "README.md").read_text().replace("](docs/", "](")
    files.append(File.generated(config, README, content=readme.replace("CHANGELOG.md", CHANGELOG)))
    changelog = (ROOT / "CHANGELOG.md").read_text()
    files.append(File.generated(config, CHANGELOG, content=changelog))
    for document in Path(config.docs_dir).glob("*.md"):
        for _, target in _LINK.findall(document.read_text()):
            path = target.partition("#")[0].removeprefix("../")
            uri = f"{SOURCES}/{path}"
            if (
                target.startswith("../")
                and path != "README.md"
                and (ROOT / path).is_file()
                and files.get_file_from_path(uri) is None
            ):
                files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the dialect of code hosts into that of the site."""
    is_readme = page.file.src_uri == README
    markdown = _COMMENT.sub("", markdown)
    markdown = _FENCE.sub(r"```\1", markdown)
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.DOTALL | re.MULTILINE)
    return "".join(
        part if part.startswith("```") else _LIST.sub(r"\1\n\n", _linked(part, is_readme))
        for part in parts
    )


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse pages that load something from another host: clusters may have no internet."""
    found = _OTHER_HOSTS.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} loads from another host: {found[0]}")
    return output


def _linked(text: str, is_readme: bool) -> str:
    def replaced(found: re.Match[str]) -> str:
        words, target = found.groups()
        path = target.partition("#")[0]
        if is_readme:
            inside = ROOT / path
            if not path or "://" in target or path.endswith(".md") or not inside.exists():
                return found[0]
            return words
        if not target.startswith("../"):
            return found[0]
        target = target.removeprefix("../")
        if target.startswith("README.md"):
            return f"[{words}]({target.replace('README.md', README)})"
        if (ROOT / path.removeprefix("../")).is_file():
            return f"[{words}]({SOURCES}/{target})"
        return words

    return _LINK.sub(replaced, text)


def _pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    inside = nav.values() if isinstance(nav, dict) else nav
    return [page for one in inside for page in _pages(one)]
