"""Makes the cluster ready before the first document: index templates and life-cycle policies."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import structlog
from opensearchpy.exceptions import OpenSearchException, TransportError

from connectors.errors import TransientError
from connectors.opensearch.client import named
from connectors.opensearch.config import OpenSearchConfig
from connectors.opensearch.lifecycle import policies
from connectors.opensearch.templates import templates

log = structlog.get_logger(__name__)

_POLICIES = "/_plugins/_ism/policies"


def install(client: Any, config: OpenSearchConfig) -> None:  # noqa: ANN401 - OpenSearch client
    """Create or update templates and policies.

    What the cluster refuses (rights, no such plugin) is logged, and documents are taken all the same: without a
    template with guessed types, without a policy for ever. A policy that fails in the cluster holds up nothing.

    Raises:
        TransientError: the cluster cannot be reached or is overloaded. No document should be sent before this works:
            the first one makes an index, whose types cannot be changed any more.
    """
    for name, body in templates(config).items():
        with _told("template", name):
            client.indices.put_index_template(name=name, body=body)
    for name, body in policies(config).items():
        with _told("policy", name):
            _put_policy(client, name, body)


@contextmanager
def _told(what: Literal["template", "policy"], name: str) -> Iterator[None]:
    try:
        yield
    except TransportError as err:
        status = err.status_code
        passing = not isinstance(status, int) or status in {408, 429} or status >= 500
        if passing and (what == "template" or not isinstance(status, int)):
            raise TransientError(f"{what} {name!r} could not be put: {status}") from err  # noqa: EM102, TRY003
        log.warning("search.setup_refused", what=what, name=name, status=status, error=named(err.error))
    except (OpenSearchException, OSError) as err:
        raise TransientError(f"{what} {name!r} could not be put: {type(err).__name__}") from err  # noqa: EM102, TRY003


def _put_policy(client: Any, name: str, body: dict[str, Any]) -> None:  # noqa: ANN401 - OpenSearch client
    """Put a policy unless the cluster has just this one; ISM changes one only with the numbers of what is there."""
    call, path = client.transport.perform_request, f"{_POLICIES}/{name}"
    try:
        found = call("GET", path)
    except TransportError as err:
        if err.status_code != 404:
            raise
        call("PUT", path, body=body)
        return
    if found["policy"]["description"] != body["policy"]["description"]:
        params = {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
        call("PUT", path, params=params, body=body)
        log.info("search.policy_changed", name=name, effect="indices made from now on; see docs/opensearch.md")
