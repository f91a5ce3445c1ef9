"""Slack's mrkdwn as HTML, for the stand-in's page. Everything that is not mrkdwn comes out escaped."""

import html
import re
from datetime import UTC, datetime

_TOKEN = re.compile(r"```(?P<pre>.+?)```|`(?P<code>[^`\n]+)`|<(?P<entity>[^<>\n]+)>|(?P<line>\n)", re.DOTALL)
_EMPHASIS = tuple(
    (re.compile(rf"(?<![\w{mark}]){re.escape(mark)}(?=\S)([^{mark}\n]+?)(?<=\S){re.escape(mark)}(?![\w{mark}])"), tag)
    for mark, tag in (("*", "b"), ("_", "i"), ("~", "s"))
)
_DATE = re.compile(r"!date\^(?P<epoch>\d{1,11})\^(?P<form>[^|^]*)(?:\^[^|]*)?\|(?P<fallback>.*)")
_DATE_FORMS = {
    "{date_num}": "%Y-%m-%d",
    "{date_short_pretty}": "%b %d, %Y",
    "{date_short}": "%b %d, %Y",
    "{date}": "%B %d, %Y",
    "{time}": "%H:%M",
    "{time_secs}": "%H:%M:%S",
}


def to_html(text: str) -> str:
    """One mrkdwn text. A mention (`<!channel>`, `<@U1>`) is marked as one, so that a leak of it is seen."""
    out, at = [], 0
    for token in _TOKEN.finditer(text):
        out.append(_plain(text[at : token.start()]))
        at = token.end()
        if token["pre"] is not None:
            out.append(f"<pre>{_escaped(token['pre'].strip(chr(10)))}</pre>")
        elif token["code"] is not None:
            out.append(f"<code>{_escaped(token['code'])}</code>")
        elif token["entity"] is not None:
            out.append(_entity(token["entity"]))
        else:
            out.append("<br>")
    out.append(_plain(text[at:]))
    return "".join(out)


def link(url: str, label: str) -> str:
    """A link to an http(s) address; any other address is shown, not linked."""
    if url.startswith(("https://", "http://")):
        return f'<a href="{html.escape(url)}" rel="noreferrer noopener" target="_blank">{html.escape(label)}</a>'
    return html.escape(f"{label} ({url})")


def _plain(text: str) -> str:
    shown = _escaped(text)
    for pattern, tag in _EMPHASIS:
        shown = pattern.sub(rf"<{tag}>\1</{tag}>", shown)
    return shown


def _escaped(text: str) -> str:
    """Slack's three entities undone, then all of HTML's done."""
    return html.escape(_unescaped(text), quote=False)


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _entity(entity: str) -> str:
    entity = _unescaped(entity)
    target, _, label = entity.partition("|")
    if date := _DATE.fullmatch(entity):
        return _date(int(date["epoch"]), date["form"], date["fallback"])
    if target.startswith(("!", "@", "#")):
        return f'<span class="mention">{html.escape(label or target.replace("!", "@", 1))}</span>'
    return link(target, label or target)


def _date(epoch_s: int, form: str, fallback: str) -> str:
    local = datetime.fromtimestamp(epoch_s, UTC).astimezone()  # the reader's own time zone: same machine
    for token, strftime in _DATE_FORMS.items():
        form = form.replace(token, local.strftime(strftime))
    return f'<time title="{html.escape(fallback)}">{html.escape(form)}</time>'
