"""OpenSearch: the search index of records and the history of alerts."""

from connectors.opensearch.client import Doc, Refused
from connectors.opensearch.config import OpenSearchConfig
from connectors.opensearch.reading import Found, IndexReader
from connectors.opensearch.sender import SPOOL_FULL
from connectors.opensearch.sink import OpenSearchSink

__all__ = ["SPOOL_FULL", "Doc", "Found", "IndexReader", "OpenSearchConfig", "OpenSearchSink", "Refused"]
