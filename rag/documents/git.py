"""Says where a runbook of a Git checkout comes from: repository, path, and the commit that last changed it."""

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from rag.models import Document

_TIMEOUT_S = 60
_SHORT = 12
"""Hexadecimal digits of a commit that are kept: what the Linux kernel, the largest history, shortens to."""
# A checkout may bring a configuration that starts programs; reading its history needs none of them.
_SAFELY = ("-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-c", "core.quotePath=false")
_FORGES = ("github", "gitlab")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder with `.git` in it."""

    root: Path
    remote: str
    """URL of `origin` without name and password; the folder's name where there is no `origin`."""
    commits: dict[str, str]
    """The commit that last changed each path below the root; a file that was never committed is absent."""

    def signed(self, document: Document, file: Path) -> Document:
        """Return the document with its origin as source, and a link to it where the forge is known.

        The commit is the one that last changed the file: later commits leave the document as it is.
        """
        path = file.resolve().relative_to(self.root).as_posix()
        commit = self.commits.get(path, "")
        source = document.source if document.source and document.source != path else ""
        origin = f"{self.remote}@{commit or 'uncommitted'}:{path}"
        link = f"{self.remote}/blob/{commit}/{path}" if commit and self._has_pages() else ""
        return replace(document, source=f"{source} ({origin})" if source else origin, url=document.url or link)

    def _has_pages(self) -> bool:
        return self.remote.startswith("https://") and any(forge in self.remote for forge in _FORGES)


def checkout_of(folder: Path) -> Checkout | None:
    """Return the checkout whose root `folder` is; None if it is none, or Git is not installed or cannot read it."""
    if not (folder / ".git").exists():
        return None
    root = folder.resolve()
    try:
        history = _git(root, "log", "--no-renames", "--no-ext-diff", "--name-only", "-z", "--format=%x01%h%x02")
    except (OSError, subprocess.SubprocessError):
        return None
    try:
        remote = _git(root, "remote", "get-url", "origin").strip()
    except (OSError, subprocess.SubprocessError):
        remote = ""
    commits: dict[str, str] = {}
    for entry in history.split("\x01")[1:]:
        commit, _, names = entry.partition("\x02")
        for name in names.replace("\n", "").split("\0"):
            if name:
                commits.setdefault(name, commit)
    return Checkout(root, _plain(remote) or root.name, commits)


def _git(root: Path, *arguments: str) -> str:
    command = ["git", *_SAFELY, "-c", f"core.abbrev={_SHORT}", "-C", str(root), *arguments]
    run = subprocess.run(command, capture_output=True, check=True, timeout=_TIMEOUT_S)  # noqa: S603 - no shell, own words
    return run.stdout.decode("utf-8", "replace")


def _plain(remote: str) -> str:
    """Return a remote as a URL that may be shown: https for `git@host:path`, without a password, without `.git`."""
    if "://" not in remote and "@" in remote and ":" in remote:
        host, _, path = remote.partition("@")[2].partition(":")
        remote = f"https://{host}/{path}"
    if "://" in remote:
        parts = urlsplit(remote)
        remote = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return remote.removesuffix("/").removesuffix(".git")
