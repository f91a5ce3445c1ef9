"""A few seeds of the chaos harness; `make chaos` runs many. And a recovery store that is damaged."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness.run import Result, Running, failure, run
from harness.scenario import SEEDS_OF_TESTS, Layout, Scenario, draw
from harness.servers import RESHARDS, Servers

pytestmark = pytest.mark.slow

JOBS = 2
"""Runs side by side: much of a run is waiting."""
ONE = Layout(workers=1, processes=1)


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest, moto: str, opensearch: str) -> Servers:
    """The session's servers; without kinesis-local (`npm ci`) nothing is resharded."""
    reshards = request.getfixturevalue("kinesis_local") if RESHARDS.exists() else ""
    return Servers(*(urlsplit(url).port or 0 for url in (moto, opensearch, reshards)))


def short(seed: int) -> Scenario:
    """The plan of a seed with half its load."""
    return replace(draw(seed), load_s=3.0)


@pytest.fixture(scope="module")
def runs(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Future[Result]]]:
    """All seeds, some side by side."""
    folder = tmp_path_factory.mktemp("chaos")
    with ThreadPoolExecutor(JOBS) as pool:
        yield {seed: pool.submit(run, short(seed), servers, folder / f"seed-{seed}") for seed in SEEDS_OF_TESTS}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS_OF_TESTS)
def test_no_record_is_lost_or_doubled_and_no_fault_untold(runs: dict[int, Future[Result]], seed: int) -> None:
    """Whatever breaks: archive, index and dead letters hold each record once, and each fault is announced."""
    result = runs[seed].result()

    assert [] == result.problems, failure(short(seed), result)


def test_a_damaged_recovery_store_stops_the_start_and_harms_nothing(servers: Servers, tmp_path: Path) -> None:
    """The page refuses to start, saying what the file is not; with the store put back it goes on, nothing twice."""
    plan = replace(draw(0), events=(), layout=ONE, epoch_s=1, shards=1, rate=50, load_s=2.0, s3_latency_s=0.0)
    with contextlib.ExitStack() as stack:
        names = stack.enter_context(servers.names(plan.shards))
        running = Running(plan, names, servers, tmp_path, stack)
        running.go()
        store = tmp_path / "recovery" / "part-0.sqlite3"
        kept = store.read_bytes()
        store.write_bytes(bytes(range(256)) * (len(kept) // 256))
        running.start(ONE)
        statuses = running.page.wait()
        log = running.page.tail(20_000)
        store.write_bytes(kept)
        running.start(ONE)
        running.finish()
        running.account()

    assert [1] == statuses
    assert "file is not a database" in log
    assert [] == running.result.problems
