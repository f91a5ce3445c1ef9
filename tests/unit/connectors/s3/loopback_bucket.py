"""A bucket on loopback, and records for it: what the tests of S3 share."""

import threading
from collections.abc import Callable
from urllib.parse import unquote

from connectors.spool import Chunk

LIMIT_S = 20.0


class Store:
    """A bucket on loopback: keys in order of arrival; refuses the next `refusals` puts."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.heads: dict[str, dict[str, str]] = {}
        """Headers of the last put of each key, names in lower case."""
        self.bodies: dict[str, bytes] = {}
        self.refusals = 0
        self.pages = 0
        """So many of the next puts are answered by something that is not S3: 200, and nothing is kept."""
        self.lists = True
        """Whether keys may be listed."""
        self.refused = 0
        self.changed = threading.Condition()
        self.url = ""

    def put(self, path: str, head: dict[str, str], body: bytes) -> bool:
        """Take an object, or refuse it."""
        with self.changed:
            self.changed.notify_all()
            if self.refusals:
                self.refusals -= 1
                self.refused += 1
                return False
            if self.pages:
                self.pages -= 1
                return True
            key = unquote(path).removeprefix("/bucket/")
            self.keys.append(key)
            self.heads[key] = head
            self.bodies[key] = body
            return True

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds, within a limit."""
        with self.changed:
            while not condition():
                assert self.changed.wait(LIMIT_S), "nothing changed for too long"


def chunk(first: int) -> Chunk:
    """One record of one shard."""
    line = b'{"sequence":"%d"}\n' % first
    return Chunk("archive", "logs-shardId-0", str(first), str(first), 1, line, shard="shardId-0")


def key(first: int) -> str:
    """Its object's key."""
    return f"archive/logs-shardId-0-{first}.ndjson.zst"


def letter(name: str) -> Chunk:
    """One refused document."""
    return Chunk("dead-letters/refused=i", name, "0", "0", 1, b"{}\n")
