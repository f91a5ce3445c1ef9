"""Takes from a Markdown text what its page does not show, front matter and comments: it is neither read nor found."""

import re
from unicodedata import normalize

from rag.sections import marked, title_of

_FENCES = {"---": re.compile(r"title\s*:\s*(.+)"), "+++": re.compile(r"title\s*=\s*(.+)")}
"""What begins and ends front matter (YAML, TOML), and the title in it."""
_BEGIN, _END = "<!--", "-->"
_KEY = re.compile(r"[\w.\"'-]+\s*[:=](?:\s|$)")
_GOES_ON = re.compile(r"[\s\-#\[\]{}]|$")
"""Lines of front matter; with any other line, or without a key, between two rulers stands text."""


def opened(text: str) -> tuple[str, str]:
    """Return title and text of a page: the title of its front matter, else its first heading, else nothing."""
    said, body = _parted(normalize("NFC", text))  # macOS writes Korean in parts
    body = _uncommented(body)
    return said or title_of(body), body


def _parted(text: str) -> tuple[str, str]:
    """Return the title of the front matter, and what stands behind it; all of a text that has none."""
    lines = text.splitlines(keepends=True)
    fence = lines[0].rstrip() if lines else ""
    if fence not in _FENCES:
        return "", text
    title, has_key = "", False
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == fence:
            return (title, "".join(lines[number + 1 :])) if has_key else ("", text)
        if not (is_key := bool(_KEY.match(line))) and not _GOES_ON.match(line):
            break
        has_key |= is_key
        if found := _FENCES[fence].match(line):
            title = found[1].strip().strip("\"'").strip()
    return "", text


def _uncommented(text: str) -> str:
    """Return `text` without `<!-- comments -->`; those in code stay, and all of it if one never ends."""
    kept: list[str] = []
    inside = False
    for line, is_code in marked(text):
        shown: list[str] = []
        at, ticks = 0, 0
        while at < len(line):
            if inside:
                end = line.find(_END, at)
                inside = end < 0
                at = len(line) if inside else end + len(_END)
                continue
            begin = line.find(_BEGIN, at)
            stop = begin if begin >= 0 else len(line)
            ticks += line.count("`", at, stop)
            inside = begin >= 0 and not (is_code or ticks % 2)
            shown.append(line[at : stop if inside else stop + len(_BEGIN)])
            at = stop + len(_BEGIN)
        left = "".join(shown)
        kept.append(left if left.endswith("\n") or not line.endswith("\n") else f"{left.rstrip()}\n")
    return text if inside else "".join(kept)
