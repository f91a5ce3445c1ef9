"""A Milvus Lite whose process is killed is opened again, whole; one that is closed is free for others."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.config import RagConfig
from rag.milvus import MilvusStore, slug
from rag.models import Document
from rag.store import Row, StoreError, content_hash

pytestmark = pytest.mark.slow

MODEL, DIM, BATCH = "m", 64, 200
KILLS = 5
MOST_DELAY_S = 0.08
"""After a flush: the index file is written within about 20 ms of it, so kills fall before, into and after that."""

CHILD = """
import sys
from pathlib import Path

sys.path.insert(0, str(Path(sys.argv[1]).parent))
from {module} import batch, opened

with opened(Path(sys.argv[2])) as store:
    print("open", flush=True)
    for number in range(int(sys.argv[3]), 1_000_000):
        store.upsert(*batch(number))
        print("wrote", number, flush=True)
        store.flush()
        print("flushed", number, flush=True)
"""


def opened(path: Path) -> MilvusStore:
    """The knowledge base of these tests, patient on a busy machine."""
    return MilvusStore(RagConfig(milvus_uri=str(path), milvus_timeout_s=60), model=MODEL, dim=DIM)


def rows_of(number: int) -> list[Row]:
    """The runbooks of one batch."""
    documents = [Document(f"{number:04d}/{place:03d}", f"Title {place}", "Text. " * 50) for place in range(BATCH)]
    return [Row(document, content_hash(document), "/kb") for document in documents]


def batch(number: int) -> tuple[list[Row], NDArray[np.float32]]:
    """The same runbooks and unit vectors for the same number."""
    vectors = np.random.default_rng(number).standard_normal((BATCH, DIM)).astype(np.float32)
    return rows_of(number), vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def indexes(path: Path) -> list[Path]:
    """Its index files."""
    return sorted(path.glob("collections/*/partitions/*/indexes/*.idx"))


def assert_whole(path: Path, numbers: set[int]) -> None:
    """It opens, has the runbooks of these batches, and finds each batch's first by its vector."""
    with opened(path) as store:
        assert {row.document.doc_id for number in numbers for row in rows_of(number)} <= set(store.stored())
        for number in sorted(numbers)[-3:]:
            rows, vectors = batch(number)
            (doc_id, cosine), *_ = store.nearest(vectors[0], 1)
            assert (rows[0].document.doc_id, 1.0) == (doc_id, round(cosine, 3))


@pytest.mark.parametrize("left", [0.0, 0.001, 0.5, 0.999])
def test_half_an_index_file_is_made_anew(tmp_path: Path, left: float) -> None:
    """Whatever part of it a kill left, the next open works, and the file is whole again."""
    path = tmp_path / "kb.db"
    with opened(path) as store:
        store.upsert(*batch(0))
        store.flush()
    (index,) = indexes(path)
    whole = index.read_bytes()
    index.write_bytes(whole[: int(len(whole) * left)])
    assert_whole(path, {0})
    assert [whole] == [found.read_bytes() for found in indexes(path)]


@pytest.mark.parametrize("files", [[], ["schema.json.tmp"]])
def test_a_collection_that_was_never_finished_is_begun_again(tmp_path: Path, files: list[str]) -> None:
    """A folder without a schema is neither a collection nor in the way of one."""
    path = tmp_path / "kb.db"
    folder = path / "collections" / f"runbooks__{slug(MODEL)}__v1"
    folder.mkdir(parents=True)
    (path / "LOCK").touch()
    for name in files:
        (folder / name).write_text("{")
    with opened(path) as store:
        store.upsert(*batch(0))
    assert_whole(path, {0})


def test_a_folder_with_rows_in_it_is_left_alone(tmp_path: Path) -> None:
    """What has no schema but rows is nothing that we made and did not finish."""
    path = tmp_path / "kb.db"
    with opened(path):
        pass
    kept = path / "collections" / "other" / "partitions" / "_default" / "data" / "rows.parquet"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"rows")
    with opened(path):
        pass
    assert kept.read_bytes() == b"rows"


def test_kills_at_any_instant_lose_nothing_that_was_written(tmp_path: Path) -> None:
    """Killed again and again around a flush, it opens each time and holds every batch that was acknowledged."""
    path = tmp_path / "kb.db"
    delays = random.Random(7)  # noqa: S311 - which instants, not a secret
    written: set[int] = set()
    for kill in range(KILLS):
        log = tmp_path / f"log-{kill}"
        with log.open("wb") as errors, _child(path, max(written, default=-1) + 1, errors) as child:
            assert child.stdout is not None
            try:
                for line in child.stdout:
                    word, _, number = line.decode().strip().partition(" ")
                    if word == "wrote":
                        written.add(int(number))
                    if word == "flushed" and len(written) % 3 == 0:
                        break
                else:
                    pytest.fail(f"the writer ended by itself: {log.read_text()[-2000:]}")
                time.sleep(delays.uniform(0, MOST_DELAY_S))  # not for an event: any instant will do
            finally:
                child.kill()
            written |= {int(line.split()[1]) for line in child.stdout if line.startswith(b"wrote")}
            assert -signal.SIGKILL == child.wait()
        assert_whole(path, written)
    assert len(written) >= 3 * KILLS


def test_others_may_open_it_after_the_last_connection_is_closed(tmp_path: Path) -> None:
    """While one of this process is open another process is refused and changes nothing; after the last it is let in."""
    path = tmp_path / "kb.db"
    first, second = opened(path), opened(path)
    first.upsert(*batch(0))
    first.flush()
    first.close()
    first.close()  # twice is once
    index, theirs = path / "collections" / "x" / "partitions" / "y" / "indexes" / "of-others.idx", tmp_path / "log"
    index.parent.mkdir(parents=True)
    index.touch()
    with theirs.open("wb") as errors, _child(path, 1, errors) as child:
        assert child.stdout is not None
        assert b"" == child.stdout.read()
        assert 1 == child.wait()
    assert "another process has it open" in theirs.read_text()
    assert index.exists()
    assert [row.document.doc_id for row in rows_of(0)] == sorted(second.stored())
    second.close()
    with theirs.open("wb") as errors, _child(path, 1, errors) as child:
        assert child.stdout is not None
        assert b"open\n" == child.stdout.readline()
        with pytest.raises(StoreError, match="another process has it open"):
            opened(path)
        child.kill()
    assert_whole(path, {0})


def _child(path: Path, first: int, errors: object) -> "subprocess.Popen[bytes]":
    code = CHILD.format(module=Path(__file__).stem)
    command = [sys.executable, "-c", code, __file__, str(path), str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)  # type: ignore[call-overload,no-any-return] # a file
