"""What goes into the spool and what comes out of it."""

from typing import Literal, NamedTuple, NotRequired, TypedDict

Compression = Literal["zstd", "gzip"]


class Chunk(NamedTuple):
    """Framed records of one shard that belong into one folder, in order."""

    folder: str
    """Object key prefix, without a trailing slash; a change of folder cuts the object."""
    origin: str
    """`<stream>-<shard>`."""
    first: str
    """Sequence number of the first record."""
    last: str
    records: int
    payload: bytes
    shard: str = ""
    """The end of `origin`; empty: the records are of no shard."""
    window: int = 0
    """Number of the arrival window; a change of window cuts the object as well."""
    minute: int = 0
    """Minute of arrival of the batch that it is of, for whoever keeps books; 0: of none."""


class Sealed(TypedDict):
    """One finished spool file: what the uploader needs and what the snapshot keeps."""

    key: str
    """Object key; the file is named by it."""
    count: int
    first: str
    last: str
    stream: NotRequired[str]
    shard: NotRequired[str]
    sha256: NotRequired[str]
    """Of the file's bytes, in hexadecimal: as they were written, so that what the disk changed is found."""
    place: NotRequired[tuple[str, str]]
    """Bucket and prefix that it was sealed for: settings may name others when a state is resumed."""
    since: NotRequired[float]
    """When the file was begun, seconds since the epoch: the oldest goes up first."""
