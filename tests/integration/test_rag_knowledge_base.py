"""The knowledge base with the real parts: Milvus Lite on disk, the bundled embedding model, the shipped runbooks."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.config import OpenAIConfig, RagConfig
from rag.embed import SentenceTransformerEmbedder
from rag.evals.answers import measure_answers, told
from rag.evals.labels import read
from rag.evals.measure import measure, missed_verdicts, table
from rag.explainer import Explainer
from rag.ingest import ingest, reindex
from rag.knowledge import KnowledgeUnavailableError
from rag.milvus import MilvusStore
from rag.models import Query
from rag.retrieve import Retriever
from rag.store import ModelMismatchError, StoreError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "runbooks"

# One log for each fault that the sample services show, and the runbooks that answer it.
SCENARIOS = [
    (
        """HikariPool-1 - Connection is not available, request timed out after 30000ms.
java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available""",
        {"en/hikari-pool", "ko/hikari-pool"},
    ),
    (
        """java.lang.OutOfMemoryError: Java heap space
	at com.shop.report.Exporter.load(Exporter.java:88)""",
        {"en/jvm-heap", "en/jvm-gc-overhead", "en/oom-killed"},
    ),
    (
        """upstream call failed: java.net.SocketTimeoutException: Read timed out
	at com.shop.PgClient.pay(PgClient.java:4)""",
        {"en/http-read-timeout", "ko/upstream-timeout"},
    ),
    (
        """org.springframework.dao.DeadlockLoserDataAccessException: could not execute statement
Caused by: com.mysql.cj.jdbc.exceptions.MySQLTransactionRollbackException: Deadlock found when trying to get lock""",
        {"en/db-deadlock"},
    ),
    (
        """CommitFailedError: Commit cannot be completed since the group has already rebalanced and assigned the
partitions to another member: order-events-7""",
        {"en/kafka-rebalance", "en/kafka-lag"},
    ),
    (
        "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.",
        {"en/redis-refused"},
    ),
    (
        """ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate
has expired (_ssl.c:1006)""",
        {"en/tls-expired", "en/tls-untrusted", "ko/cert-expired"},
    ),
    (
        """Exception in ASGI application: a field is missing in the product document
Traceback (most recent call last):
  File "/app/app/routers/products.py", line 58, in product_page
    return await pages.product(sku)
  File "/app/app/services/pricing.py", line 77, in final_price
    rate = document["discount"]["membership_rate"]
KeyError: 'membership_rate'""",
        {"en/keyerror-after-deploy"},
    ),
]


@pytest.fixture(scope="module")
def embedder() -> SentenceTransformerEmbedder:
    """The bundled weights, loaded once."""
    return SentenceTransformerEmbedder()


@pytest.fixture(scope="module")
def shipped(embedder: SentenceTransformerEmbedder, tmp_path_factory: pytest.TempPathFactory) -> RagConfig:
    """A knowledge base of the shipped runbooks, closed again."""
    config = RagConfig(milvus_uri=str(tmp_path_factory.mktemp("kb") / "new" / "folder" / "milvus.db"))
    with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
        report = ingest([RUNBOOKS], store, embedder)
    assert (report.updated, report.unchanged, report.removed, report.notices) == (0, 0, 0, [])
    assert report.added == len([f for f in RUNBOOKS.rglob("*.md") if f.name != "README.md"])
    return config


@pytest.fixture
def explainer(shipped: RagConfig) -> Iterator[Explainer]:
    """An explainer over the shipped runbooks without a model."""
    made = Explainer(shipped, OpenAIConfig())
    yield made
    made.close()


@pytest.mark.parametrize(("log", "right"), SCENARIOS)
def test_each_sample_fault_is_explained(explainer: Explainer, log: str, right: set[str]) -> None:
    """Each of the eight sample faults finds its runbook first, is a match, and gets checks or fixes from it."""
    answer = explainer.explain(Query(log, "orders"))
    assert answer["verdict"] == "match"
    assert answer["citations"][0]["doc_id"] in right
    assert answer["actions"]
    assert answer["source"] == "extractive"
    assert answer["missing"] == []
    for claim in [*answer["causes"], *answer["actions"]]:
        assert claim["quote"] in (RUNBOOKS / f"{claim['doc_id']}.md").read_text(encoding="utf-8")


def test_a_log_without_a_runbook_gets_none(explainer: Explainer) -> None:
    """A fault that no shipped runbook treats is not answered with one, in the language asked for."""
    log = "Compilation Error in model stg_visits: depends on a node named 'src_visits' which was not found"
    answer = explainer.explain(Query(log, "dbt", language="ko"))
    assert (answer["verdict"], answer["citations"], answer["actions"]) == ("none", [], [])
    assert answer["summary"] == "이 오류에 맞는 런북을 찾지 못했습니다."


def test_four_threads_get_the_answers_that_one_gets(shipped: RagConfig) -> None:
    """The first queries of four threads at once load once and agree with a lone query."""
    explainer = Explainer(shipped, OpenAIConfig())
    queries = [Query(log, "orders") for log, _ in SCENARIOS] * 2
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(explainer.explain, queries))
    assert [explainer.explain(query) for query in queries] == together
    explainer.close()


def test_ingesting_again_changes_nothing_and_follows_the_folder(
    embedder: SentenceTransformerEmbedder, tmp_path: Path
) -> None:
    """A second ingestion embeds nothing; an edit, a new and a deleted file are an update, an addition and a removal."""
    folder = tmp_path / "books"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.md").write_text(f"# Fault {name}\n\n## Meaning\n\nIt is {name}.\n", encoding="utf-8")
    config = RagConfig(milvus_uri=str(tmp_path / "m.db"))
    with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
        ingest([folder], store, embedder)
        again = ingest([folder], store, embedder)
        (folder / "a.md").unlink()
        (folder / "b.md").write_text("# Fault b\n\nOtherwise.\n", encoding="utf-8")
        (folder / "d.md").write_text("# Fault d\n\nNew.\n", encoding="utf-8")
        third = ingest([folder], store, embedder)
        ids = [document.doc_id for document in store.documents()]
    assert (again.added, again.updated, again.unchanged, again.removed) == (0, 0, 3, 0)
    assert (third.added, third.updated, third.unchanged, third.removed) == (1, 1, 1, 1)
    assert ids == ["b", "c", "d"]


def test_tenants_do_not_see_each_other(embedder: SentenceTransformerEmbedder, tmp_path: Path) -> None:
    """The same doc_id of two tenants is two rows, and a search returns only one's own."""
    found = {}
    for tenant in ("red", "blue"):
        folder = tmp_path / tenant
        folder.mkdir()
        (folder / "x.md").write_text(f"# Pool exhausted\n\nAsk team {tenant}.\n", encoding="utf-8")
        config = RagConfig(milvus_uri=str(tmp_path / "m.db"), tenant=tenant)
        with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
            ingest([folder], store, embedder)
    for tenant in ("red", "blue"):
        config = RagConfig(milvus_uri=str(tmp_path / "m.db"), tenant=tenant)
        with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
            hits = Retriever(store, embedder, config).find(Query("pool exhausted", "s"), 5).hits
            found[tenant] = [hit.document.text.split()[-1] for hit in hits]
    assert found == {"red": ["red."], "blue": ["blue."]}


def test_another_embedding_model_is_refused_until_reindexed(
    embedder: SentenceTransformerEmbedder, tmp_path: Path
) -> None:
    """Vectors of two models are never mixed: opening names the command, the command makes it work."""
    (tmp_path / "x.md").write_text("# Pool exhausted\n\nText.\n", encoding="utf-8")
    config = RagConfig(milvus_uri=str(tmp_path / "m.db"))
    with MilvusStore(config, model="older-model", dim=384) as store:
        ingest([tmp_path / "x.md"], store, embedder)
    with pytest.raises(ModelMismatchError, match="cali kb reindex"):
        MilvusStore(config, model=embedder.name, dim=embedder.dim)
    with MilvusStore(config, model=embedder.name, dim=embedder.dim, any_model=True) as store:
        assert reindex(store, embedder) == 1
    with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
        assert [document.doc_id for document in store.documents()] == ["x"]
        assert len(store.nearest(embedder.embed(["pool"])[0], 5)) == 1


def test_a_second_process_is_told_what_to_do(embedder: SentenceTransformerEmbedder, tmp_path: Path) -> None:
    """Milvus Lite belongs to one process: the second gets an error that names the setting."""
    uri = str(tmp_path / "m.db")
    code = (
        "import sys\nfrom rag.config import RagConfig\nfrom rag.milvus import MilvusStore\n"
        "from rag.store import StoreError\n"
        "try:\n    MilvusStore(RagConfig(milvus_uri=sys.argv[1]), model='m', dim=384)\n"
        "except StoreError as err:\n    print(err)\n"
    )
    with MilvusStore(RagConfig(milvus_uri=uri), model=embedder.name, dim=embedder.dim):
        run = subprocess.run([sys.executable, "-c", code, uri], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "another process has it open" in run.stdout
    assert "CALI_RAG__MILVUS_URI" in run.stdout


def test_an_unreachable_server_is_noted_and_tried_again(shipped: RagConfig, tmp_path: Path) -> None:
    """With Milvus down an explanation says so; it is not asked again before the wait, and works once it is back."""
    now = [0.0]
    uri = tmp_path / "later.db"
    uri.write_text("in the way", encoding="utf-8")
    explainer = Explainer(RagConfig(milvus_uri=str(uri)), OpenAIConfig(), clock=lambda: now[0])
    query = Query(SCENARIOS[0][0], "orders")
    down = explainer.explain(query)
    uri.unlink()
    shutil.copytree(shipped.milvus_uri, uri)
    waiting = explainer.explain(query)
    now[0] = 5.0
    back = explainer.explain(query)
    explainer.close()
    assert [answer["missing"] for answer in (down, waiting, back)] == [["knowledge_base"], ["knowledge_base"], []]
    assert [answer["verdict"] for answer in (down, waiting, back)] == ["none", "none", "match"]


def test_a_server_that_is_down_raises_for_search_within_the_timeout() -> None:
    """`found` says why it cannot answer; the address is named, a password in it is not."""
    secret = "hun" + "ter2"
    uri = f"http://me:{secret}@127.0.0.1:1"
    explainer = Explainer(RagConfig(milvus_uri=uri, milvus_timeout_s=1), OpenAIConfig())
    with pytest.raises(KnowledgeUnavailableError) as caught:
        explainer.found(Query("x failed", "s"))
    assert secret not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)


def test_a_senseless_address_is_refused() -> None:
    """An address that is neither a .db path nor a URL is named in the error."""
    with pytest.raises(StoreError, match=r"'milvus-host'.*\.db"):
        MilvusStore(RagConfig(milvus_uri="milvus-host"), model="m", dim=3)


@pytest.mark.parametrize("refreshes", [False, True])
def test_a_reindex_beside_an_explainer_costs_no_answer(
    embedder: SentenceTransformerEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, refreshes: bool
) -> None:
    """The collection that it has open is gone, by a question or by the refresh: it opens the new one at once."""
    now = [0.0]
    (tmp_path / "a.md").write_text("# Disk full\n\nText.\n", encoding="utf-8")
    config = RagConfig(milvus_uri=str(tmp_path / "m.db"), refresh_s=60)
    monkeypatch.setattr("rag.knowledge.open_embedder", lambda _: embedder)
    with MilvusStore(config, model=embedder.name, dim=embedder.dim) as other:
        ingest([tmp_path / "a.md"], other, embedder)
        explainer = Explainer(config, OpenAIConfig(), clock=lambda: now[0])
        query = Query("disk full", "s", "f" * 16)
        explainer.explain(query)
        reindex(other, embedder)
        now[0] = 60.0 if refreshes else 1.0
        assert [] == explainer.explain(query)["missing"]
        explainer.close()


def test_runbooks_ingested_meanwhile_are_found_after_the_refresh(
    embedder: SentenceTransformerEmbedder, tmp_path: Path
) -> None:
    """An explainer notices changed runbooks when `refresh_s` has passed, without a restart."""
    now = [0.0]
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "a.md").write_text("# Disk full\n\nText.\n", encoding="utf-8")
    config = RagConfig(milvus_uri=str(tmp_path / "m.db"), refresh_s=60)
    with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
        ingest([folder], store, embedder)
        retriever = Retriever(store, embedder, config)
        (folder / "b.md").write_text("# Pool exhausted\n\nText.\n", encoding="utf-8")
    explainer = Explainer(config, OpenAIConfig(), clock=lambda: now[0])
    query = Query("pool exhausted", "s")
    assert [hit.document.doc_id for hit in explainer.found(query).hits] == ["a"]
    with_new = explainer._knowledge._store
    assert with_new is not None
    ingest([folder], with_new, embedder)
    assert [hit.document.doc_id for hit in explainer.found(query).hits] == ["a"]
    now[0] = 60.0
    assert [hit.document.doc_id for hit in explainer.found(query).hits] == ["b", "a"]
    assert retriever.size == 1
    explainer.close()


@pytest.mark.evals
@pytest.mark.timeout(900)
def test_quality_on_the_labelled_logs(
    embedder: SentenceTransformerEmbedder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the labelled logs: hit@1 >= 0.66, hit@3 >= 0.85, Korean hit@3 >= 0.70, and a match is right in 5 of 6."""
    folder = ROOT.parent / "shared" / "data" / "kb"
    if not folder.is_dir():
        pytest.skip("the labelled logs are not part of the project and not here")
    config = RagConfig(milvus_uri=str(tmp_path / "m.db"), milvus_timeout_s=60)
    labels = read(folder / "queries_dev.json")
    with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
        report = ingest([folder], store, embedder)
        assert (report.added, len(report.notices)) == (976, 1)  # the queries are a list of something else
        retriever = Retriever(store, embedder, config)
        rows, answers = measure(labels, retriever), measure_answers(labels, retriever)
    with capsys.disabled():
        print(f"\n976 runbooks, 146 labelled logs\n{table(rows)}\n{told(answers)}")  # noqa: T201 - `make eval` shows it
    cali, plain = rows[0], rows[1]
    korean = next(row for row in rows if row.name == "cali (ko)")
    goals = {"hit1": 0.66, "hit3": 0.85, "auroc": 0.95, "matched": 0.5, "precision": 0.83, "refused": 0.9}
    assert {name: value for name in goals if (value := getattr(cali, name) or 0.0) < goals[name]} == {}
    assert (korean.hit3 or 0.0) >= 0.70
    assert (cali.hit3 or 0.0) - (plain.hit3 or 0.0) >= 0.15


@pytest.mark.evals
def test_quality_on_the_shipped_cases(
    shipped: RagConfig, embedder: SentenceTransformerEmbedder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each shipped case gets the verdict that it names, and none without a runbook is called a match."""
    labels = read(ROOT / "rag" / "evals" / "cases")
    with MilvusStore(shipped, model=embedder.name, dim=embedder.dim) as store:
        retriever = Retriever(store, embedder, shipped)
        rows, missed = measure(labels, retriever), missed_verdicts(labels, retriever)
        answers = measure_answers(labels, retriever)
    with capsys.disabled():
        print(f"\nshipped runbooks and cases\n{table(rows)}\n{told(answers)}")  # noqa: T201 - `make eval` shows it
    assert missed == []
    assert (rows[0].hit3, rows[0].refused) == (1.0, 1.0)
    assert answers.dropped == 1.0


def test_an_embeddings_server_that_fails_is_asked_once(
    embedder: SentenceTransformerEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a collection that is gone is opened anew: an outage must not take two timeouts of each explanation."""
    asked: list[bool] = []

    class Failing:
        name, dim = embedder.name, embedder.dim

        def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
            asked.append(query)
            raise StoreError(str(len(texts)))

    (tmp_path / "a.md").write_text("# Disk full\n\nText.\n", encoding="utf-8")
    config = RagConfig(milvus_uri=str(tmp_path / "m.db"))
    monkeypatch.setattr("rag.knowledge.open_embedder", lambda _: Failing())
    with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
        ingest([tmp_path / "a.md"], store, embedder)
    explainer = Explainer(config, OpenAIConfig())
    assert ["knowledge_base"] == explainer.explain(Query("disk full", "s", "f" * 16))["missing"]
    explainer.close()
    assert [True] == asked
