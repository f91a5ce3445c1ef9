"""How a key and its value stand in a text: what parts them, and how far the value goes."""

from typing import Final

SEPARATOR: Final = r"(?:\\?[\"'])?\]?[ \t]{0,4}(?::=|=>|->|={1,3}|:)[ \t]{0,4}(?:[|>][+-]?[ \t]{1,8})?"
"""RE2 and Python: `": "`, `=`, `:=`, `=>`; also YAML's `: |`, written in one line."""
LIST: Final = r"(?:\[(?![a-z_]{2,40}(?::[0-9a-f]{8})?\])[ \t]{0,4})?"
"""A value in brackets, such as Spring's `{password=[...]}`; the bracket of a mark is none."""
QUOTED: Final = (
    r"\\\"(?:[^\"\\\n]|\\\\\\[\"'\\]|\\[^\"\n]){1,4000}"
    r"|\\'(?:[^'\\\n]|\\\\\\[\"'\\]|\\[^'\n]){1,4000}"
    r"|\"(?:[^\"\\\n]|\\[^\n]){1,4000}|'(?:[^'\\\n]|\\[^\n]){1,4000}"
)
"""A quotation without its end: with bare quotes `\\"` is part of it, with escaped ones `\\\\\\"` is."""
_MARK: Final = r"\[[a-z_]{2,40}(?::[0-9a-f]{8})?\]"
_INSIDE: Final = r"(?:[^\s\"'\\,;&)}\]\[<>]|\\(?![\"'\s]))"
_BARE: Final = (
    r"(?!<[\w .:/*-]{0,60}>|<[\w*]{0,12}…|\([a-z ._-]{0,60}\)(?:$|[\s,;.)\]}]))"
    rf"(?:\{{[a-z0-9@-]{{1,30}}\}}(?=\$)|[^\s\"'\\,;&(){{}}\]\[<>]|[(<](?=[^\s\"'\\,;&)}}\]\[<>])|\\(?![\"'\s])){_INSIDE}{{0,4000}}"
)
_WRAPPER: Final = (
    r"(?:[a-z_.]{0,30}(?:secret|str|string|bytes|value|some|just|optional|password)[(\[](?=[bru]{0,2}\\?[\"']))?"
)
"""What languages print around a quotation: `SecretStr('...')`, `Some("...")`."""
VALUE: Final = (
    rf"{LIST}{_WRAPPER}(?:[bru]{{1,2}}(?=\\?[\"']))?(?P<secret>{QUOTED}|{_MARK}[^\s\"',;&<]{{0,4000}}|{_BARE})"
)
"""Python, in lower case: a quotation, or all up to a blank or to what ends a value in the usual formats."""
