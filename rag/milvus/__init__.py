"""Milvus, a local Milvus Lite directory or a server: the connection, and the runbooks kept there."""

from rag.milvus.connection import Connection, row_id, slug
from rag.milvus.runbooks import ALIAS, MilvusStore

__all__ = ["ALIAS", "Connection", "MilvusStore", "row_id", "slug"]
