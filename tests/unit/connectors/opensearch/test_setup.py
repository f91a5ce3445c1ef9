"""Templates and life-cycle policies: what the cluster is told before the first document."""

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.errors import TransientError
from connectors.opensearch import OpenSearchConfig
from connectors.opensearch.client import connect
from connectors.opensearch.lifecycle import policies
from connectors.opensearch.setup import install
from connectors.opensearch.templates import templates


@pytest.fixture
def client(config: OpenSearchConfig) -> Iterator[Any]:
    """A client of the loopback index."""
    found = connect(config)
    yield found
    found.close()


def test_daily_indices_are_deleted_when_old() -> None:
    """One policy for records and one for alerts, bound to their indices, with the days of the settings."""
    made = policies(OpenSearchConfig(index_prefix="p", logs_days=7, alerts_days=90))
    assert [("p-logs", "p-logs-*", {"min_index_age": "7d"}), ("p-alerts", "p-alerts-*", {"min_index_age": "90d"})] == [
        (
            name,
            body["policy"]["ism_template"][0]["index_patterns"][0],
            body["policy"]["states"][0]["transitions"][0]["conditions"],
        )
        for name, body in made.items()
    ]
    assert [[], []] == [body["policy"]["states"][0]["actions"] for body in made.values()]


def test_a_stream_is_cut_by_size_and_age() -> None:
    """Its age counts from the cut; alerts, which change, stay in indices by month."""
    config = OpenSearchConfig(layout="stream", rollover_gb=25)
    kept = policies(config)["cali-logs"]["policy"]["states"][0]
    assert [{"rollover": {"min_primary_shard_size": "25gb", "min_index_age": "1d"}}] == kept["actions"]
    assert {"min_rollover_age": "30d"} == kept["transitions"][0]["conditions"]
    logs, alerts = templates(config).values()
    assert (["cali-logs-stream"], {}) == (logs["index_patterns"], logs["data_stream"])
    assert (["cali-alerts-*"], False) == (alerts["index_patterns"], "data_stream" in alerts)


def test_shards_and_copies_are_set() -> None:
    """As the settings have them; alerts are few and have one shard."""
    made = templates(OpenSearchConfig(shards=6, replicas=2))
    assert [(6, 2), (1, 2)] == [
        (
            body["template"]["settings"]["index"]["number_of_shards"],
            body["template"]["settings"]["index"]["number_of_replicas"],
        )
        for body in made.values()
    ]


def test_serverless_places_shards_and_deletes_by_itself() -> None:
    """A serverless collection is told no shards and has no policies."""
    config = OpenSearchConfig(service="aoss")
    assert {} == policies(config)
    assert [{"codec": "best_compression"}] * 2 == [
        body["template"]["settings"]["index"] for body in templates(config).values()
    ]


def test_others_may_keep_the_policies() -> None:
    """With `none` CALI has no policy."""
    assert {} == policies(OpenSearchConfig(lifecycle="none"))


@pytest.mark.slow
def test_policies_are_put_once_and_changed_when_the_settings_change(
    index: Any, client: Any, config: OpenSearchConfig
) -> None:
    """A second start changes nothing; other settings make a new version of the one policy that differs."""
    install(client, config)
    install(client, config)
    assert {"cali-logs": 1, "cali-alerts": 1} == {name: body["_seq_no"] for name, body in index.policies.items()}
    install(client, config.model_copy(update={"logs_days": 7}))
    assert {"cali-logs": 2, "cali-alerts": 1} == {name: body["_seq_no"] for name, body in index.policies.items()}
    assert ["cali-logs", "cali-alerts"] * 3 == index.templates


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_cluster_that_will_not_have_them_gets_documents_all_the_same(
    index: Any, client: Any, config: OpenSearchConfig, status: int
) -> None:
    """No right, or no such plugin: logged, not raised."""
    index.setup_status = status
    install(client, config)
    assert ([], {}) == (index.templates, index.policies)


@pytest.mark.slow
@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_without_templates_nothing_is_sent_while_time_may_heal(
    index: Any, client: Any, config: OpenSearchConfig, status: int
) -> None:
    """A cluster that is not ready is waited for: the first document would fix guessed types."""
    index.setup_status = status
    with pytest.raises(TransientError, match=f"template 'cali-logs' could not be put: {status}"):
        install(client, config)


def test_nobody_there_is_waited_for() -> None:
    """A refused connection is a passing fault."""
    config = OpenSearchConfig(url="http://127.0.0.1:9")
    client = connect(config)
    with pytest.raises(TransientError, match="template 'cali-logs'"):
        install(client, config)
    client.close()
