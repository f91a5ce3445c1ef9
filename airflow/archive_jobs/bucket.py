"""The bucket of the archive, read in threads and written with the deployment's encryption."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from connectors.errors import ConnectorError, TerminalError
from connectors.s3 import Fetched, S3Config, fetch, keys
from connectors.s3.client import client, owner, sorted_errors, storage, told_by_s3

_THREADS = 8
"""Reads at once: an hour of a busy stream is some hundreds of small objects. boto3 keeps ten connections."""
_DELETED_AT_ONCE = 1000
"""Keys of one DeleteObjects call: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""
_ABSENT = frozenset({"NoSuchKey", "404"})
_ROLE = "look at the role of the jobs (docs/data_quality.md) and at CALI_S3__BUCKET_OWNER"
_MENDS = {
    "NoSuchBucket": "set CALI_S3__BUCKET, or make the bucket",
    "AccessDenied": _ROLE,
    "403": _ROLE,
    "InvalidAccessKeyId": "look at the AWS credentials",
    "SignatureDoesNotMatch": "look at the AWS credentials",
    "ExpiredToken": "the AWS credentials are too old",
    "NoCredentialsError": "give AWS credentials: a role, a profile or AWS_* variables",
    "PreconditionFailed": "another run merges the same hour; run it again",
    "ConditionalRequestConflict": "another run merges the same hour; run it again",
    "EndpointConnectionError": "look at CALI_S3__ENDPOINT_URL, CALI_S3__REGION and the network",
}
"""What to do about an answer, by its code or the exception's name."""


class NoJsonError(ValueError):
    """An object that `archive_jobs` writes is not what it wrote."""


class _AbsentError(TerminalError):
    """The object is not there."""


class Bucket:
    """Keys are below the deployment's prefix. Calls raise errors of `connectors.errors`: Transient or Terminal."""

    def __init__(self, config: S3Config) -> None:
        self._config = config
        self._writer: Any = None

    def keys(self, folder: str) -> list[str]:
        """Keys below a folder, in order, without the prefix."""
        with self._errors():
            found = list(keys(self._config, self._config.bucket, self._config.prefix + folder))
        return [key.removeprefix(self._config.prefix) for key in found]

    def read(self, key: str) -> Fetched:
        """One object, whole."""
        with self._errors():
            return fetch(self._config, self._config.bucket, self._config.prefix + key)

    def read_all(self, wanted: Iterable[str]) -> Iterator[tuple[str, Fetched]]:
        """Objects in the order of their keys; at most some eight of them wait in memory to be looked at."""
        todo = list(wanted)
        with ThreadPoolExecutor(_THREADS) as pool:
            for start in range(0, len(todo), _THREADS):
                part = todo[start : start + _THREADS]
                yield from zip(part, pool.map(self.read, part), strict=True)

    def json(self, key: str) -> Any:  # noqa: ANN401 - JSON of whatever shape
        """A JSON object; None if it is not there.

        Raises:
            NoJsonError: it is none; its key is named.
        """
        body = self.body(key)
        try:
            found = None if body is None else json.loads(body)
        except ValueError as err:
            raise self.no_json(key) from err
        if body is not None and not isinstance(found, dict):
            raise self.no_json(key)
        return found

    def no_json(self, key: str) -> NoJsonError:
        """The error about a JSON object that somebody else wrote."""
        place = f"s3://{self._config.bucket}/{self._config.prefix}{key}"
        return NoJsonError(f"{place} is not what this program writes: delete it and check its hour again")

    def body(self, key: str) -> bytes | None:
        """The bytes of an object; None if it is not there."""
        try:
            return self.read(key).body
        except _AbsentError:
            return None

    def write(self, key: str, body: bytes, content_type: str, **more: Any) -> None:  # noqa: ANN401 - S3's arguments
        """One object, whole or not at all; `more` are further arguments of PutObject."""
        where = {"Bucket": self._config.bucket, "Key": self._config.prefix + key, **self._owner()}
        with self._errors():
            what = {**storage(self._config), "Body": body, "ContentType": content_type, **more}
            told_by_s3(self._client().put_object(**where, **what))

    def delete(self, gone: list[str]) -> None:
        """Delete objects; those that are not there are none to delete.

        Raises:
            TerminalError: one was refused; the message has its error code.
        """
        for start in range(0, len(gone), _DELETED_AT_ONCE):
            listed = [{"Key": self._config.prefix + key} for key in gone[start : start + _DELETED_AT_ONCE]]
            with self._errors():
                answer = self._client().delete_objects(
                    Bucket=self._config.bucket, Delete={"Objects": listed, "Quiet": True}, **self._owner()
                )
            if refused := answer.get("Errors"):
                code = refused[0].get("Code")
                told = f"{len(refused)} objects not deleted ({code}): allow s3:DeleteObject"
                msg = f"bucket {self._config.bucket!r}: {told}"
                raise TerminalError(msg)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """What `sorted_errors` raises, with the name of the bucket and what to do."""
        try:
            with sorted_errors():
                yield
        except ConnectorError as err:
            code = str(err)
            kind = _AbsentError if code in _ABSENT else type(err)
            mend = f": {_MENDS[code]}" if code in _MENDS else ""
            msg = f"bucket {self._config.bucket!r}: {code}{mend}"
            raise kind(msg) from err

    def _owner(self) -> dict[str, str]:
        return owner(self._config, self._config.bucket)

    def _client(self) -> Any:  # noqa: ANN401 - boto3 client
        if self._writer is None:
            self._writer = client(self._config)
        return self._writer
