"""Takes from a Markdown text what its page does not show, front matter and comments: it is neither read nor found."""

import re
from bisect import bisect_right
from unicodedata import normalize

from rag.documents.reading import MAX_TEXT_BYTES
from rag.sections import fence_after, title_of

_TITLES = {"---": re.compile(r"title\s*:\s+(.+)"), "+++": re.compile(r"title\s*=\s*(.+)")}
"""What begins and ends front matter (YAML, TOML), and the title in it."""
_KEY = re.compile(r"[\w.\"'-]+\s*[:=](?:\s|$)")
_TABLE = re.compile(r"\[{1,2}[\w.\"'-]")
_ALONE = re.compile(r"#(?!#)|\s*$")
"""Lines that may stand before the first key: one `#` is YAML's comment, two are a heading."""
_GOES_ON = re.compile(r"[\s\-#\[\]{}]|$")
"""Lines that may stand below a key; with any other line, or without a key, between two rulers stands text."""
_SCALAR = re.compile(
    r"\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^']|'')*)'|(?P<plain>(?![|>&*!#]).*?)(?:\s#.*)?$"
)
_NO_TITLE = frozenset({"", "~", "null", '""'})
_TOKEN = re.compile(r"\\.|`+|<!--", re.DOTALL)
_PARAGRAPH_END = re.compile(r"\n(?=[ \t>]*(?:\r?\n|```|~~~|#|[-*+][ \t]|\d+[.)][ \t]))")
_BLOCK = re.compile(r"(?:[ \t>]|[-*+][ \t]|\d+[.)][ \t])*$")
"""What may stand before a comment that is a block: such a comment may hold empty lines, one within a line may not."""
_LIST = re.compile(r"[ \t>]*(?:[-*+]|\d+[.)])[ \t]")
_INDENTED = re.compile(r"(?: {4}| {0,3}\t)")
_MOST_CHARS = 4 * MAX_TEXT_BYTES


def opened(text: str) -> tuple[str, str]:
    """Return title and text of a page: the title of its front matter, else its first heading, else nothing.

    In doubt a text stays: what a reader sees must be found. One that is far too long is returned as it is.
    """
    if len(text) > _MOST_CHARS:
        return "", text
    said, body = _parted(normalize("NFC", text))  # macOS writes Korean in parts
    body = _uncommented(body)
    return said or title_of(body), body


def _parted(text: str) -> tuple[str, str]:
    """Return the title of the front matter, and what stands behind it; all of a text that has none."""
    lines = text.splitlines(keepends=True)
    fence = lines[0].rstrip() if lines else ""
    if fence not in _TITLES:
        return "", text
    title, has_key, has_table, takes_items = "", False, False, False
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == fence:
            return (title, "".join(lines[number + 1 :])) if has_key else ("", text)
        if _KEY.match(line):
            has_key, takes_items = True, line.rstrip().endswith((":", "=", "["))
            if not title and not has_table and (found := _TITLES[fence].match(line)):
                title = _scalar(found[1].strip())
            continue
        has_table |= fence == "+++" and _TABLE.match(line) is not None
        goes_on = _GOES_ON if has_key or has_table else _ALONE
        if not goes_on.match(line) or (line.startswith("-") and not takes_items) or line.startswith("##"):
            break
    return "", text


def _scalar(value: str) -> str:
    """Return a title without quotation marks and comment; nothing for what is null or goes on below."""
    found = _SCALAR.match(value)
    if found is None or value.startswith('"""'):
        return ""
    if found["double"] is not None:
        return re.sub(r"\\(.)", r"\1", found["double"]).strip()
    if found["single"] is not None:
        return found["single"].replace("''", "'").strip()
    return "" if found["plain"].strip() in _NO_TITLE else found["plain"].strip()


def _uncommented(text: str) -> str:
    """Return `text` without `<!-- comments -->`; those in code stay, and what never ends or is escaped is none."""
    edges = [found.start() + 1 for found in _PARAGRAPH_END.finditer(text)] + [len(text)]
    ends = [found.end() for found in re.finditer("-->", text)]
    kept: list[str] = []
    at, fence, in_list, after_blank = 0, "", False, True
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        line = text[at:end]
        before, fence = fence, fence_after(line, fence)
        is_blank = not line.strip()
        in_list = bool(_LIST.match(line)) or (in_list and (is_blank or line[0] in " \t"))
        is_code = bool(before or fence) or (not in_list and after_blank and _INDENTED.match(line) is not None)
        after_blank = is_blank or (is_code and not fence)
        shown, at = (line, end) if is_code else _shown(text, at, end, edges, ends)
        kept.append(shown)
    return "".join(kept)


def _shown(text: str, start: int, end: int, edges: list[int], ends: list[int]) -> tuple[str, int]:
    """Return what is seen of the line `text[start:end]`, and where the next one begins.

    Lines that its code or comment goes on in belong to it.
    `edges` are the ends of all paragraphs, `ends` those of what may be a comment.
    """
    shown, at, cut = "", start, False
    while (token := _TOKEN.search(text, at, end)) is not None:
        stop, hidden = token.end(), False
        last = edges[bisect_right(edges, token.start(), hi=len(edges) - 1)]
        if token[0][0] == "`":
            closing = re.compile(rf"(?<!`){token[0]}(?!`)").search(text, stop, last)
            stop = closing.end() if closing else stop
        elif token[0] == "<!--":
            is_block = _BLOCK.match(text[start : token.start()]) is not None
            # `<!-->` is a whole one.
            number = bisect_right(ends, stop)
            closed = ends[number] if number < len(ends) else 0
            hidden = 0 < closed <= (len(text) if is_block else last)
            stop = closed if hidden else stop
        shown += text[at : token.start() if hidden else stop]
        cut, at = cut or hidden, stop
        if at > end:
            end = text.find("\n", at - 1) + 1 or len(text)
    rest = text[at:end]
    return (f"{(shown + rest).rstrip()}\n" if cut and not rest.strip() and rest.endswith("\n") else shown + rest), end
