"""One store, three Milvuses: Lite in this process, `milvus-lite server`, and a real server where one is named.

The real server is `CALI_TEST_MILVUS_URI`, for example http://127.0.0.1:19530; it must hold no knowledge base yet.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pymilvus import MilvusClient

from rag.config import RagConfig
from rag.incidents import Incident
from rag.incidents import collection as incidents
from rag.milvus import ALIAS, Connection, MilvusStore
from rag.models import Document
from rag.store import ModelMismatchError, Row, StoreError, content_hash

pytestmark = pytest.mark.slow

MODEL = "Org/Model v1"


def row(doc_id: str, text: str = "Text.") -> Row:
    """A runbook as it is stored."""
    document = Document(doc_id, f"Title of {doc_id}", text, "from/here", "CC0-1.0", "https://example.com/x")
    return Row(document, content_hash(document), "/kb")


def vectors(*places: int, dim: int = 4) -> NDArray[np.float32]:
    """Unit vectors, each along one axis."""
    return np.eye(dim, dtype=np.float32)[list(places)]


def collections(uri: str) -> list[str]:
    """The physical collections of CALI in a Milvus that nobody has open."""
    client = MilvusClient(uri=uri)
    try:
        return sorted(name for name in client.list_collections() if name.startswith("runbooks__"))
    finally:
        client.close()


def clear(uri: str) -> None:
    """Remove what a test left on a server."""
    client = MilvusClient(uri=uri)
    for alias in (ALIAS, incidents.ALIAS):
        with contextlib.suppress(Exception):  # no alias: nothing to remove
            client.drop_alias(alias)
    for name in client.list_collections():
        if name.startswith(("runbooks__", "incidents__")):
            client.drop_collection(name)
    client.close()


@pytest.fixture(scope="module")
def lite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`milvus-lite server` in a process of its own, on loopback."""
    folder = tmp_path_factory.mktemp("lite-server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).parent / "milvus-lite"), "server", "--data-dir", str(folder / "data")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"milvus-lite server does not listen: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture(params=["lite", "lite-server", "server"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where each kind of Milvus is, without a knowledge base in it."""
    if request.param == "lite":
        yield str(tmp_path / "kb.db")
        return
    if request.param == "lite-server":
        address = request.getfixturevalue("lite_server")
    else:
        address = os.environ.get("CALI_TEST_MILVUS_URI", "")
        if not address:
            pytest.skip("no real Milvus server: set CALI_TEST_MILVUS_URI to one without a knowledge base")
        if collections(address):
            pytest.skip("the server of CALI_TEST_MILVUS_URI holds a knowledge base: it would be deleted")
    yield address
    clear(address)


def config(uri: str, tenant: str = "default") -> RagConfig:
    """Settings for one Milvus, patient on a busy machine."""
    return RagConfig(milvus_uri=uri, tenant=tenant, milvus_timeout_s=60)


def test_what_is_written_is_read_and_found(uri: str) -> None:
    """Every field comes back, writing twice is writing once, the nearest is first, and removed is gone."""
    with MilvusStore(config(uri), model=MODEL, dim=4) as store:
        rows = [row("b/two", "여러 줄\n텍스트"), row("a")]
        store.upsert(rows, vectors(0, 1))
        store.upsert(rows, vectors(0, 1))
        store.flush()
        assert store.documents() == [rows[1].document, rows[0].document]
        assert store.stored() == {r.document.doc_id: (r.content_hash, "/kb") for r in rows}
        found = store.nearest(vectors(0)[0], 5)
        assert [(doc_id, round(cosine, 3)) for doc_id, cosine in found] == [("b/two", 1.0), ("a", 0.0)]
        store.remove(["b/two", "never there"])
        assert list(store.stored()) == ["a"]
    with MilvusStore(config(uri), model=MODEL, dim=4) as store:
        assert list(store.stored()) == ["a"]


def test_tenants_share_a_collection_and_nothing_else(uri: str) -> None:
    """The same id of two tenants is two rows; reading, searching and removing touch one's own."""
    for tenant, place in (("red", 0), ("blue", 1)):
        with MilvusStore(config(uri, tenant), model=MODEL, dim=4) as store:
            store.upsert([row("x", tenant)], vectors(place))
    with MilvusStore(config(uri, "red"), model=MODEL, dim=4) as store:
        assert [document.text for document in store.documents()] == ["red"]
        assert [doc_id for doc_id, _ in store.nearest(vectors(1)[0], 5)] == ["x"]
        store.remove(["x"])
        assert store.stored() == {}
    with MilvusStore(config(uri, "blue"), model=MODEL, dim=4) as store:
        assert [document.text for document in store.documents()] == ["blue"]


@pytest.mark.parametrize(("model", "dim"), [("other", 4), (MODEL, 8)])
def test_another_model_or_dimension_is_refused(uri: str, model: str, dim: int) -> None:
    """Vectors that cannot be compared are not mixed; the error names the command."""
    with MilvusStore(config(uri), model=MODEL, dim=4) as store:
        store.upsert([row("a")], vectors(0))
    with pytest.raises(ModelMismatchError, match="cali kb reindex"):
        MilvusStore(config(uri), model=model, dim=dim)


def test_a_reindex_switches_the_alias_and_drops_the_old_collection(uri: str) -> None:
    """All tenants are carried over with hashes and roots; one collection is left; doing it twice works."""
    for tenant in ("red", "blue"):
        with MilvusStore(config(uri, tenant), model=MODEL, dim=4) as store:
            store.upsert([row("x", tenant)], vectors(0))
    before = collections(uri)
    for _ in range(2):
        with MilvusStore(config(uri, "red"), model="other", dim=8, any_model=True) as store:
            assert store.rebuild(lambda documents: vectors(*[2] * len(documents), dim=8)) == 2
    after = collections(uri)
    assert (len(before), len(after), set(before) & set(after)) == (1, 1, set())
    assert after[0].endswith("__v3")
    for tenant in ("red", "blue"):
        with MilvusStore(config(uri, tenant), model="other", dim=8) as store:
            assert store.stored() == {"x": (row("x", tenant).content_hash, "/kb")}
            assert [round(cosine, 3) for _, cosine in store.nearest(vectors(2, dim=8)[0], 1)] == [1.0]


def test_a_reindex_that_fails_leaves_the_old_one_in_use(uri: str) -> None:
    """While the new vectors are made the alias stays; the next reindex starts over what the failed one left."""

    def fails(documents: object) -> NDArray[np.float32]:
        msg = "the embeddings server is down"
        raise StoreError(msg)

    with MilvusStore(config(uri), model=MODEL, dim=4) as store:
        store.upsert([row("a")], vectors(0))
    with MilvusStore(config(uri), model="other", dim=8, any_model=True) as store, pytest.raises(StoreError):
        store.rebuild(fails)
    with MilvusStore(config(uri), model=MODEL, dim=4) as store:
        assert [doc_id for doc_id, _ in store.nearest(vectors(0)[0], 5)] == ["a"]
    with MilvusStore(config(uri), model="other", dim=8, any_model=True) as store:
        assert store.rebuild(lambda _: vectors(1, dim=8)) == 1


def test_every_row_carries_the_model_and_the_version(uri: str) -> None:
    """What made a vector can be read from its row."""
    with MilvusStore(config(uri), model=MODEL, dim=4) as store:
        store.upsert([row("a")], vectors(0))
        fields = store._client.query(ALIAS, filter='doc_id == "a"', output_fields=["model", "dim", "version"])[0]
        assert (fields["model"], fields["dim"], fields["version"]) == (MODEL, 4, 1)


@contextlib.contextmanager
def incident_collection(
    uri: str, tenant: str = "default", model: str = MODEL
) -> Iterator[incidents.IncidentCollection]:
    """The searchable incidents of one tenant."""
    connection = Connection(config(uri, tenant))
    opened = incidents.IncidentCollection(connection, config(uri, tenant), model=model, dim=4)
    yield opened
    opened.close()


def incident(fingerprint: str, last_seen: float = 1_000.0, **fields: object) -> Incident:
    """A past incident."""
    return Incident(fingerprint, "orders", f"{fingerprint} 실패", 1_000.0, last_seen, **fields)  # type: ignore[arg-type]


def test_incidents_are_found_by_vector_within_their_tenant(uri: str) -> None:
    """Every field comes back, the newest state wins, other tenants and expired rows are not found, removed is gone."""
    first, judged = (
        incident("aa"),
        incident("bb", 2_000.0, count=3, summary="s" * 5_000, resolution="재시작", feedback=1),
    )
    with incident_collection(uri, "red") as red, incident_collection(uri, "blue") as blue:
        red.upsert(first, vectors(0)[0])
        red.upsert(incident("bb"), vectors(1)[0])
        red.upsert(judged, vectors(1)[0])
        blue.upsert(incident("aa", severity="critical"), vectors(0)[0])
        found = red.nearest(vectors(1)[0], 5, 1_000.0)
        assert [(i.fingerprint, round(cosine, 3)) for i, cosine in found] == [("bb", 1.0), ("aa", 0.0)]
        assert (found[0][0].count, found[0][0].resolution, len(found[0][0].summary)) == (3, "재시작", 4_096)
        later = first.expires_at + 1
        assert [i.fingerprint for i, _ in red.nearest(vectors(0)[0], 5, later)] == ["bb"]
        red.expire(later)
        assert [i.fingerprint for i, _ in red.nearest(vectors(0)[0], 5, 0.0)] == ["bb"]
        red.remove(["bb", "never there"])
        assert red.nearest(vectors(0)[0], 5, 0.0) == []
        assert [i.severity for i, _ in blue.nearest(vectors(0)[0], 5, 0.0)] == ["critical"]


def test_incidents_of_another_embedding_model_make_way(uri: str) -> None:
    """A collection is fresh once; with another model it is fresh again, and the old one is dropped, not searched."""
    with incident_collection(uri) as made:
        made.upsert(incident("aa"), vectors(0)[0])
        assert made.fresh
    with incident_collection(uri) as again:
        assert (again.fresh, len(again.nearest(vectors(0)[0], 5, 0.0))) == (False, 1)
    with incident_collection(uri, model="other") as other:
        assert (other.fresh, other.nearest(vectors(0)[0], 5, 0.0)) == (True, [])
    client = MilvusClient(uri=uri)
    assert len([name for name in client.list_collections() if name.startswith("incidents__")]) == 1
    client.close()
