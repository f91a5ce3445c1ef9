"""Reads one HTTP request and refuses it, as an overloaded or broken service does."""

import asyncio
import re

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_WAITS = re.compile(rb"\r\nexpect: *100-continue", re.IGNORECASE)
_REASONS = {429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int) -> None:
    """Answer the first request of a connection with a status and close it; a 429 asks for a second of patience.

    Raises what asyncio's streams raise for a client that leaves in the middle.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    if _WAITS.search(head) is None:  # such a client sends its body only if it is told to go on
        length = _LENGTH.search(head)
        if length is not None:
            await reader.readexactly(int(length[1]))
        elif _CHUNKED.search(head) is not None:
            await reader.readuntil(b"0\r\n\r\n")
    patience = "Retry-After: 1\r\n" if status == 429 else ""
    reason = _REASONS.get(status, "Refused")
    answer = f"HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\n{patience}Connection: close\r\n\r\n"
    writer.write(answer.encode())
    await writer.drain()
