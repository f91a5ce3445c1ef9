"""A few seeds of the chaos harness; `make chaos` runs many. And a recovery store that is damaged."""

import contextlib
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness.run import Running, failure, run
from harness.scenario import Layout, Scenario, draw
from harness.servers import Servers

pytestmark = pytest.mark.slow

SEEDS = (2, 9, 92)
"""Few, for the time they take, and chosen so that together they kill, drain, fill the disk, break each dependency, run
two workers and two processes, with a bot token and with a webhook."""
ONE = Layout(workers=1, processes=1)


@pytest.fixture
def servers(moto: str, opensearch: str) -> Servers:
    """The session's servers."""
    return Servers(urlsplit(moto).port or 0, urlsplit(opensearch).port or 0)


def short(seed: int) -> Scenario:
    """The plan of a seed with half its load."""
    return replace(draw(seed), load_s=3.0)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_record_is_lost_or_doubled_and_no_fault_untold(servers: Servers, tmp_path: Path, seed: int) -> None:
    """Whatever breaks: archive, index and dead letters hold each record once, and each fault is announced."""
    plan = short(seed)
    result = run(plan, servers, tmp_path / "run")

    assert [] == result.problems, failure(plan, result)


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
