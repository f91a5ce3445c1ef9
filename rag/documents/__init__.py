"""Reads runbooks from files, folders, Git checkouts, JSON lists and URLs."""

from rag.documents.files import MAX_FILE_BYTES, read
from rag.documents.reading import MAX_TEXT_BYTES, Reading
from rag.documents.web import is_url

__all__ = ["MAX_FILE_BYTES", "MAX_TEXT_BYTES", "Reading", "is_url", "read"]
