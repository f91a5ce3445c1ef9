"""Base URLs of servers, checked where they are set."""

import re
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
"""A host name that the AWS SDK takes, or an IPv6 address, in lower case."""


def is_base_url(value: str, *, underscores: bool = False) -> bool:
    """True for http or https, a host, perhaps a port and a path; no query, no white space.

    Underscores in host names occur in container networks; the AWS SDK does not take them.
    """
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:  # a port above 65535, a bracket without its other
        return False
    host = (parts.hostname or "").replace("_", "-" if underscores else "_")
    whole = value.isprintable() and not set(value) & set(" ?#\\")
    return whole and parts.scheme in {"http", "https"} and bool(_HOST.fullmatch(host)) and port != 0
