"""One spool file as one object, with its manifest.

The manifest is the object's metadata: `stream`, `shard`, `first` and `last` (sequence numbers), `records`, and `sha256`
of the stored bytes in hexadecimal. Metadata is ASCII, so other characters are percent-encoded.
"""

import base64
import contextlib
import errno
import re
from hashlib import file_digest, sha256
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from connectors.s3.client import keys, owner, storage, told_by_s3
from connectors.s3.config import PART_BYTES, S3Config
from connectors.spool import Sealed

_MAX_PARTS = 10_000
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
_ENCODING = {".zst": "zstd", ".gz": "gzip"}
_UNKNOWN = {"403", "AccessDenied"}
"""Answers to one who may write objects but not read them."""
_MERGED = re.compile(r"(?P<first>\d+)-(?P<last>\d+)\.ndjson\.(?:zst|gz)")
"""What follows the shard in the name of an object that `compact` (docs/data_quality.md) made of several."""


_OF_THE_PROCESS = {errno.ENOENT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR}
"""A file that cannot be opened for these reasons is not to blame: it is gone, or the process has too much open."""


class DamagedError(ValueError):
    """A spool file does not hold what was written to it, or the disk does not give it back."""


def put(s3: Any, config: S3Config, path: Path, entry: Sealed) -> None:  # noqa: ANN401 - boto3 client
    """Upload one file. S3 checks the digest of what it receives. Memory: at most one part.

    Raises:
        DamagedError: the file changed after it was sealed, or cannot be read; nothing was uploaded.
        Exception: what the SDK raises.
    """
    with _opened(path) as file:
        digest = _digest(file, path)
        if entry.get("sha256", digest.hex()) != digest.hex():
            msg = f"{path.name!r} has another sha256 than when it was sealed"
            raise DamagedError(msg)
        size = file.tell()
        file.seek(0)
        key = config.prefix + entry["key"]
        where = {"Bucket": config.bucket, "Key": key, **owner(config, config.bucket)}
        what = {**storage(config), **_head(entry, digest.hex())}
        if size <= config.multipart_bytes:
            told_by_s3(s3.put_object(**where, **what, Body=file, ChecksumSHA256=base64.b64encode(digest).decode()))
        else:
            _in_parts(s3, where, what, file, max(PART_BYTES, -(-size // _MAX_PARTS)))


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as err:
        if err.errno in _OF_THE_PROCESS:
            raise
        raise _unreadable(path, err) from err


def _digest(file: IO[bytes], path: Path) -> bytes:
    try:
        return file_digest(file, "sha256").digest()  # type: ignore[arg-type] # typeshed asks for getbuffer()
    except OSError as err:
        raise _unreadable(path, err) from err


def _unreadable(path: Path, err: OSError) -> DamagedError:
    return DamagedError(f"{path.name!r} cannot be read ({err.strerror})")


def is_up(s3: Any, config: S3Config, entry: Sealed) -> bool:  # noqa: ANN401 - boto3 client
    """Whether an object, or one that it became part of, is where `config` says, or where the entry was sealed for.

    Raises:
        Exception: what the SDK raises, but for a former place that is not to be asked: what was there is not found.
    """
    if exists(s3, config, entry) or merged(config, entry):
        return True
    bucket, prefix = entry.get("place", (config.bucket, config.prefix))
    then = config.model_copy(update={"bucket": bucket, "prefix": prefix})
    if then == config:
        return False
    try:
        return exists(s3, then, entry) or merged(then, entry)
    except ClientError as err:
        if err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return False  # such as a bucket in another region


def exists(s3: Any, config: S3Config, entry: Sealed) -> bool:  # noqa: ANN401 - boto3 client
    """Whether an object is there; true also if only those may know who may read it."""
    where = {"Bucket": config.bucket, "Key": config.prefix + entry["key"], **owner(config, config.bucket)}
    try:
        told_by_s3(s3.head_object(**where))
    except ClientError as err:
        code = str(err.response.get("Error", {}).get("Code"))
        if code in {"404", "NoSuchKey", "NotFound"}:
            return False
        if code not in _UNKNOWN:
            raise
    return True


def merged(config: S3Config, entry: Sealed) -> bool:
    """Whether a larger object of the same shard spans the entry's records: compaction takes its parts away after a day.

    Uploads go the oldest first, so what lies between two records that are there was there. False if listing is refused.

    Raises:
        Exception: what the SDK raises for anything else.
    """
    first, last = entry["first"], entry["last"]
    if not (first.isdecimal() and last.isdecimal()):  # dead letters are not merged
        return False
    stem = f"{config.prefix}{entry['key'].rpartition('-')[0]}-"
    try:
        found = [_MERGED.fullmatch(key.removeprefix(stem)) for key in keys(config, config.bucket, stem)]
    except ClientError as err:
        if str(err.response.get("Error", {}).get("Code")) not in _UNKNOWN:
            raise
        return False
    return any(int(one["first"]) <= int(first) and int(last) <= int(one["last"]) for one in found if one)


def _head(entry: Sealed, digest: str) -> dict[str, Any]:
    manifest = {
        "stream": entry.get("stream", ""),
        "shard": entry.get("shard", ""),
        "first": entry["first"],
        "last": entry["last"],
        "records": str(entry["count"]),
        "sha256": digest,
    }
    told = {name: quote(value, safe="") for name, value in manifest.items() if value}
    return {
        "ContentType": "application/x-ndjson",
        "ContentEncoding": _ENCODING[Path(entry["key"]).suffix],
        "Metadata": told,
    }


def _in_parts(s3: Any, where: dict[str, str], what: dict[str, Any], file: IO[bytes], part_bytes: int) -> None:  # noqa: ANN401 - boto3 client
    """All or nothing: S3 shows the object once it is complete. What a kill leaves a lifecycle rule should abort."""
    upload = {**where, "UploadId": s3.create_multipart_upload(**where, **what, ChecksumAlgorithm="SHA256")["UploadId"]}
    parts: list[dict[str, Any]] = []
    try:
        while body := file.read(part_bytes):
            number = len(parts) + 1
            checksum = base64.b64encode(sha256(body).digest()).decode()
            done = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumSHA256=checksum)
            parts.append({"PartNumber": number, "ETag": done["ETag"], "ChecksumSHA256": checksum})
        told_by_s3(s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}))
    except BaseException:
        with contextlib.suppress(BotoCoreError, ClientError):  # the first error is the one to tell
            s3.abort_multipart_upload(**upload)
        raise
