"""The bucket of the archive, read in threads and written with the deployment's encryption."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from connectors.errors import TerminalError
from connectors.s3 import Fetched, S3Config, fetch, keys
from connectors.s3.client import client, owner, sorted_errors, storage

_THREADS = 8
"""Reads at once: an hour of a busy stream is some hundreds of small objects. boto3 keeps ten connections."""
_DELETED_AT_ONCE = 1000
"""Keys of one DeleteObjects call: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""
_ABSENT = frozenset({"NoSuchKey", "404"})


class Bucket:
    """Keys are below the deployment's prefix. Calls raise errors of `connectors.errors`: Transient or Terminal."""

    def __init__(self, config: S3Config) -> None:
        self._config = config
        self._writer: Any = None

    def keys(self, folder: str) -> list[str]:
        """Keys below a folder, in order, without the prefix."""
        with sorted_errors():
            found = list(keys(self._config, self._config.bucket, self._config.prefix + folder))
        return [key.removeprefix(self._config.prefix) for key in found]

    def read(self, key: str) -> Fetched:
        """One object, whole."""
        with sorted_errors():
            return fetch(self._config, self._config.bucket, self._config.prefix + key)

    def read_all(self, wanted: Iterable[str]) -> Iterator[tuple[str, Fetched]]:
        """Objects in the order of their keys; at most some eight of them wait in memory to be looked at."""
        todo = list(wanted)
        with ThreadPoolExecutor(_THREADS) as pool:
            for start in range(0, len(todo), _THREADS):
                part = todo[start : start + _THREADS]
                yield from zip(part, pool.map(self.read, part), strict=True)

    def json(self, key: str) -> Any:  # noqa: ANN401 - JSON of whatever shape
        """A JSON object; None if it is not there."""
        body = self.body(key)
        return None if body is None else json.loads(body)

    def body(self, key: str) -> bytes | None:
        """The bytes of an object; None if it is not there."""
        try:
            return self.read(key).body
        except TerminalError as err:
            if str(err) in _ABSENT:
                return None
            raise

    def write(self, key: str, body: bytes, content_type: str, **more: Any) -> None:  # noqa: ANN401 - S3's arguments
        """One object, whole or not at all; `more` are further arguments of PutObject."""
        where = {"Bucket": self._config.bucket, "Key": self._config.prefix + key, **self._owner()}
        with sorted_errors():
            self._client().put_object(**where, **storage(self._config), Body=body, ContentType=content_type, **more)

    def delete(self, gone: list[str]) -> None:
        """Delete objects; those that are not there are none to delete.

        Raises:
            TerminalError: one was refused; the message has its error code.
        """
        for start in range(0, len(gone), _DELETED_AT_ONCE):
            listed = [{"Key": self._config.prefix + key} for key in gone[start : start + _DELETED_AT_ONCE]]
            with sorted_errors():
                answer = self._client().delete_objects(
                    Bucket=self._config.bucket, Delete={"Objects": listed, "Quiet": True}, **self._owner()
                )
            if refused := answer.get("Errors"):
                msg = f"{len(refused)} objects could not be deleted ({refused[0].get('Code')}): allow s3:DeleteObject"
                raise TerminalError(msg)

    def _owner(self) -> dict[str, str]:
        return owner(self._config, self._config.bucket)

    def _client(self) -> Any:  # noqa: ANN401 - boto3 client
        if self._writer is None:
            self._writer = client(self._config)
        return self._writer
