"""OpenSearch: the search index of records and the history of alerts."""

from connectors.opensearch.client import Doc, Refused
from connectors.opensearch.config import OpenSearchConfig
from connectors.opensearch.reading import Found, IndexReader
from connectors.opensearch.sink import OpenSearchSink

__all__ = ["Doc", "Found", "IndexReader", "OpenSearchConfig", "OpenSearchSink", "Refused"]
