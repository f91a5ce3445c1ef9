"""How long indices live: policies of Index State Management (ISM), which the cluster carries out."""

import json
from hashlib import blake2b
from typing import Any

from connectors.opensearch.config import OpenSearchConfig


def policies(config: OpenSearchConfig) -> dict[str, dict[str, Any]]:
    """The policies by name; none if the cluster has no ISM (serverless) or others look after it.

    An index of a day or a month is deleted when it is old enough. It is not made read-only before: a replay writes
    into the index of its day. A data stream is cut by size and age first.
    """
    if config.lifecycle == "none" or config.service_used == "aoss":
        return {}
    made: dict[str, dict[str, Any]] = {}
    for kind, days in (("logs", config.logs_days), ("alerts", config.alerts_days)):
        streamed = kind == "logs" and config.layout == "stream"
        cut = {"rollover": {"min_primary_shard_size": f"{config.rollover_gb}gb", "min_index_age": "1d"}}
        age = "min_rollover_age" if streamed else "min_index_age"
        name = f"{config.index_prefix}-{kind}"
        policy: dict[str, Any] = {
            "default_state": "kept",
            "states": [
                {
                    "name": "kept",
                    "actions": [cut] if streamed else [],
                    "transitions": [{"state_name": "deleted", "conditions": {age: f"{days}d"}}],
                },
                {"name": "deleted", "actions": [{"delete": {}}], "transitions": []},
            ],
            "ism_template": [{"index_patterns": [f"{name}-*"], "priority": 100}],
        }
        made[name] = {"policy": {"description": f"Kept by CALI, version {_version(policy)}", **policy}}
    return made


def _version(policy: dict[str, Any]) -> str:
    """Tells by the description alone whether the cluster has this policy: it adds fields of its own to the rest."""
    return blake2b(json.dumps(policy, sort_keys=True).encode(), digest_size=6).hexdigest()
