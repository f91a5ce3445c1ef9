"""The files and objects of a source, opened: whole or not at all."""

import gzip
import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import zstandard

from connectors.s3 import S3Config, fetch, keys
from connectors.s3.client import reason
from dataflows.replay.account import Account
from dataflows.replay.marks import is_mark

S3_SCHEME = "s3://"
_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP = b"\x1f\x8b"
_OTHER = "restore an earlier version of it, or take its records from the stream"
_CUT = "is cut off: fetch it again"
_FILE_HELP = "check that it is there and that this user may read it"
_NO_CREDENTIALS_HELP = "give AWS credentials: a role, a profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_S3_HELP = "check the bucket's name and region and the permissions s3:ListBucket and s3:GetObject"


class Content(NamedTuple):
    """One file or object, decompressed."""

    name: str
    """Without its folders."""
    path: str
    """Below the source, with `/` between folders: tells files of one name apart, the same at every replay."""
    written: float
    """When it was changed last, seconds since the epoch."""
    body: bytes
    place: tuple[str, str] | None = None
    """Bucket and key; None: a file."""
    sha256: str = ""
    """Of an object's stored bytes, in hexadecimal."""
    records: int | None = None
    """How many lines it should have, by its manifest; None: it has none, or is a file."""


class _BrokenError(ValueError):
    """Why a file cannot be opened, and what to do."""


def contents(source: str, s3: S3Config, account: Account) -> Iterator[Content]:
    """Every file of a source in the order of names. What cannot be read is counted, and the next one follows.

    Never raises for a file or for S3.
    """
    found = _objects(source, s3, account) if source.startswith(S3_SCHEME) else _files(Path(source), account)
    any_found = False
    for shown, content in found:
        any_found = True
        try:
            opened = content._replace(body=_opened(content.body))
            if opened.records not in {None, opened.body.count(b"\n")}:
                account.bad_file(shown, f"has not the {opened.records} lines of its manifest: {_OTHER}")
                continue
            yield opened
        except _BrokenError as err:
            account.bad_file(shown, str(err))
    if not any_found and not account.bad_files:
        account.no_file(source)


def _files(source: Path, account: Account) -> Iterator[tuple[str, Content]]:
    def unreadable(err: OSError) -> None:
        account.bad_file(str(err.filename), f"cannot be read ({err.strerror}): {_FILE_HELP}")

    found = [source]
    if source.is_dir():
        found = sorted(Path(folder, name) for folder, _, names in os.walk(source, onerror=unreadable) for name in names)
    for file in found:
        path = file.relative_to(source).as_posix() if file != source else file.name
        try:
            status = file.stat()
            if not stat.S_ISREG(status.st_mode):
                account.bad_file(str(file), "is no regular file: give a file, or a folder of files")
                continue
            content = Content(file.name, path, max(0.0, status.st_mtime), file.read_bytes())
        except OSError as err:
            unreadable(err)
            continue
        yield str(file), content


def _objects(source: str, s3: S3Config, account: Account) -> Iterator[tuple[str, Content]]:
    bucket, _, prefix = source.removeprefix(S3_SCHEME).partition("/")
    listed = keys(s3, bucket, prefix)
    while True:
        shown = source
        try:
            key = next(listed)
            shown = f"{S3_SCHEME}{bucket}/{key}"
            if key.endswith("/") or is_mark(key):
                continue  # what consoles make for a folder, and what an earlier replay noted
            fetched = fetch(s3, bucket, key)
        except StopIteration:
            return
        except Exception as err:  # noqa: BLE001 - the SDK's errors are known inside connectors only
            why = reason(err)
            help_ = _NO_CREDENTIALS_HELP if "NoCredentials" in why else _S3_HELP
            account.bad_file(shown, f"cannot be read ({why}): {help_}")
            if shown == source:
                return
            continue
        name = PurePosixPath(key).name
        digest = sha256(fetched.body).hexdigest()
        if fetched.metadata.get("sha256", digest) != digest:
            account.bad_file(shown, f"does not hold what was stored, by the sha256 of its manifest: {_OTHER}")
            continue
        path = key.removeprefix(prefix).lstrip("/") or name
        records = _count(fetched.metadata)
        yield shown, Content(name, path, fetched.written, fetched.body, (bucket, key), digest, records)


def _count(manifest: Mapping[str, str]) -> int | None:
    """Lines of an object of ours; None without a manifest."""
    told = manifest.get("records", "") if "sha256" in manifest else ""
    return int(told) if told.isdecimal() else None


def _opened(body: bytes) -> bytes:
    if body[:4] == _ZSTD:
        return _unzstd(body)
    if body[:2] != _GZIP:
        return body
    try:
        return gzip.decompress(body)
    except EOFError as err:
        raise _BrokenError(_CUT) from err
    except (OSError, zlib.error) as err:
        msg = f"is no whole gzip file ({err}): fetch it again"
        raise _BrokenError(msg) from err


def _unzstd(body: bytes) -> bytes:
    """All frames of an object. A stream reader would end a cut one silently."""
    parts = []
    while body:
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            parts.append(frame.decompress(body))
        except zstandard.ZstdError as err:
            msg = f"is no whole zstd file ({err}): fetch it again"
            raise _BrokenError(msg) from err
        if not frame.eof:
            raise _BrokenError(_CUT)
        body = frame.unused_data
    return b"".join(parts)
