"""What a Slack workspace remembers, and the Web API methods that CALI calls, without the HTTP around them.

Documentation of the methods: https://docs.slack.dev/reference/methods. Errors are Slack's words.
"""

import math
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from dataflows.demo.slack_rules import check

Answer: TypeAlias = dict[str, object]

MAX_KEPT: Final = 10_000
"""Messages kept; older ones are forgotten. More than anyone reads in a demo."""

MIN_INTERVAL_S: Final = 1.0
"""Between two messages of a channel where the rate limit is on: https://docs.slack.dev/apis/web-api/rate-limits"""

BOT: Final = {"user": "U0CALIBOT", "bot_id": "B0CALIBOT", "app_id": "A0CALIAPP"}
_IDENTITY: Final = {"user_id": BOT["user"], "bot_id": BOT["bot_id"], "team_id": "T00000000", "user": "cali"}
_ENVELOPE: Final = frozenset({"channel", "reply_broadcast", "token"})
_ID = re.compile(r"[CDG][A-Z0-9]{8,}")
_TOKEN = re.compile(r"(xoxe\.)?xoxb-.+")


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was accepted, as it is now. `id` counts from 1."""

    id: int
    received_ts: float
    payload: dict[str, object]
    channel: str = ""
    """Name, with its `#`."""
    ts: str = ""
    thread_ts: str = ""
    """Of a reply: `ts` of the message it stands under."""
    broadcast: bool = False
    """A reply that is shown in the channel, too."""
    key: str = ""
    """`key` in the metadata; empty without one."""
    author: str = ""
    """Id of the bot that wrote it; empty for a webhook's."""
    edited: int = 0
    """How often it was updated."""
    revision: int = 0
    """Grows with every message and update of the workspace: what changed after it is newer."""


class SlackError(Exception):
    """Slack would answer `{"ok": false, "error": word}`; with a 429 if it says how long to wait."""

    def __init__(self, *, word: str, retry_after_s: int = 0) -> None:
        super().__init__(word)
        self.word = word
        self.retry_after_s = retry_after_s


class Workspace:
    """Channels and their messages, in memory. Channels come to be when they are first named. Thread-safe."""

    def __init__(self, channel: str, clock: Callable[[], float], *, rate_limit: bool) -> None:
        self._clock = clock
        self._rate_limit = rate_limit
        self._lock = threading.RLock()
        self._ids: dict[str, str] = {}
        self._messages: deque[Received] = deque(maxlen=MAX_KEPT)
        self._count = 0
        self._revision = 0
        self._last_ts_us = 0
        self._next_at: dict[str, float] = {}
        self.channel_id(channel)

    @property
    def messages(self) -> list[Received]:
        """What was accepted, oldest first."""
        with self._lock:
            return list(self._messages)

    @property
    def channels(self) -> list[str]:
        """Names in the order in which they were first named."""
        with self._lock:
            return list(self._ids)

    def channel_id(self, name: str) -> str:
        """Id of the channel with that name, with or without `#`."""
        with self._lock:
            return self._ids.setdefault(f"#{name.removeprefix('#')}", f"C{len(self._ids) + 1:08d}")

    def call(self, method: str, arguments: Mapping[str, Any], token: str) -> Answer:
        """One call of the Web API. Raises `SlackError`, and `slack_rules.Refused` for a payload that breaks a rule."""
        if not token:
            raise SlackError(word="not_authed")
        if not _TOKEN.fullmatch(token):
            raise SlackError(word="invalid_auth")
        methods: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "auth.test": lambda _: dict(_IDENTITY),
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.list": self._list,
            "users.conversations": self._list,
        }
        if method not in methods:
            raise SlackError(word="unknown_method")
        with self._lock:
            return {"ok": True, **methods[method](arguments)}

    def accept(
        self, channel: str, payload: dict[str, object], *, broadcast: bool = False, author: str = ""
    ) -> Received:
        """Keep a message. Raises as `call`."""
        check(payload)
        with self._lock:
            now = self._clock()
            self._heed_rate(channel, now)
            thread_ts = str(payload.get("thread_ts") or "")
            if thread_ts:
                thread_ts = self._find(channel, thread_ts, "thread_not_found").thread_ts or thread_ts
            self._count += 1
            self._revision += 1
            self._last_ts_us = max(int(now * 1_000_000), self._last_ts_us + 1)  # unique, as Slack's are in a channel
            ts = f"{self._last_ts_us // 1_000_000}.{self._last_ts_us % 1_000_000:06d}"
            kept = Received(
                id=self._count,
                received_ts=now,
                payload=payload,
                channel=channel,
                ts=ts,
                thread_ts=thread_ts,
                broadcast=broadcast and bool(thread_ts),
                key=_key(payload),
                author=author,
                revision=self._revision,
            )
            self._messages.append(kept)
            return kept

    def _heed_rate(self, channel: str, now: float) -> None:
        if self._rate_limit and (wait := self._next_at.get(channel, 0.0) - now) > 0:
            raise SlackError(word="ratelimited", retry_after_s=math.ceil(wait))
        self._next_at[channel] = now + MIN_INTERVAL_S

    def _post_message(self, arguments: Mapping[str, Any]) -> Answer:
        payload = {name: value for name, value in arguments.items() if name not in _ENVELOPE}
        broadcast = _true(arguments.get("reply_broadcast"))
        kept = self.accept(self._name(arguments), payload, broadcast=broadcast, author=BOT["bot_id"])
        return self._posted(kept)

    def _update(self, arguments: Mapping[str, Any]) -> Answer:
        name = self._name(arguments, named=False)
        old = self._find(name, str(arguments.get("ts")), "message_not_found")
        payload = {name: value for name, value in arguments.items() if name not in {*_ENVELOPE, "ts"}}
        payload = {name: old.payload[name] for name in ("metadata", "thread_ts") if name in old.payload} | payload
        check(payload)
        self._revision += 1
        new = replace(old, payload=payload, key=_key(payload), edited=old.edited + 1, revision=self._revision)
        self._messages[self._messages.index(old)] = new
        return self._posted(new)

    def _history(self, arguments: Mapping[str, Any]) -> Answer:
        name = self._name(arguments, named=False)
        shown = [m for m in self._messages if m.channel == name and (not m.thread_ts or m.broadcast)]
        return self._page(arguments, shown[::-1])

    def _replies(self, arguments: Mapping[str, Any]) -> Answer:
        name = self._name(arguments, named=False)
        card = self._find(name, str(arguments.get("ts")), "thread_not_found")
        return self._page(arguments, [m for m in self._messages if m.channel == name and m.thread_ts == card.ts], card)

    def _list(self, arguments: Mapping[str, Any]) -> Answer:
        return _cut(arguments, "channels", [{"id": i, "name": name[1:]} for name, i in self._ids.items()])

    def _page(self, arguments: Mapping[str, Any], shown: list[Received], card: Received | None = None) -> Answer:
        oldest = float(arguments.get("oldest") or 0)
        inclusive = _true(arguments.get("inclusive"))
        newer = [m for m in shown if float(m.ts) > oldest or (inclusive and float(m.ts) == oldest)]
        metadata = _true(arguments.get("include_all_metadata"))
        found = [self._message(m, metadata=metadata) for m in ([card] if card else []) + newer]
        return _cut(arguments, "messages", found)

    def _name(self, arguments: Mapping[str, Any], *, named: bool = True) -> str:
        """The channel's name. Only chat.postMessage takes a name; the other methods take ids."""
        given = str(arguments.get("channel") or "")
        for name, channel_id in self._ids.items():
            if given == channel_id:
                return name
        if not given or not named or _ID.fullmatch(given):
            raise SlackError(word="channel_not_found")
        self.channel_id(given)
        return f"#{given.removeprefix('#')}"

    def _find(self, channel: str, ts: str, absent: str) -> Received:
        for kept in self._messages:
            if (kept.channel, kept.ts) == (channel, ts):
                return kept
        raise SlackError(word=absent)

    def _posted(self, kept: Received) -> Answer:
        message = self._message(kept, metadata=True)
        return {"channel": self._ids[kept.channel], "ts": kept.ts, "message": message}

    def _message(self, kept: Received, *, metadata: bool) -> Answer:
        out: Answer = {"type": "message", "ts": kept.ts, "bot_id": kept.author or "B0WEBHOOK"}
        out |= BOT if kept.author == BOT["bot_id"] else {}
        out |= {name: kept.payload[name] for name in ("text", "blocks") if name in kept.payload}
        replies = [m.ts for m in self._messages if m.channel == kept.channel and m.thread_ts == kept.ts]
        if replies:
            out |= {"thread_ts": kept.ts, "reply_count": len(replies), "latest_reply": replies[-1]}
        if kept.thread_ts:
            out["thread_ts"] = kept.thread_ts
        if kept.broadcast:
            out["subtype"] = "thread_broadcast"
        if kept.edited:
            out["edited"] = {"user": BOT["user"], "ts": f"{kept.edited}.000000"}
        if metadata and "metadata" in kept.payload:
            out["metadata"] = kept.payload["metadata"]
        return out


def _cut(arguments: Mapping[str, Any], items: str, found: list[Answer]) -> Answer:
    """One page of what was found; the cursor is the place where the next one begins."""
    start, limit = int(arguments.get("cursor") or 0), min(int(arguments.get("limit") or 100), 999)
    end = start + limit
    more = str(end) if end < len(found) else ""
    return {items: found[start:end], "has_more": bool(more), "response_metadata": {"next_cursor": more}}


def _key(payload: Mapping[str, Any]) -> str:
    metadata = payload.get("metadata") or {}
    return str(metadata.get("event_payload", {}).get("key", "")) if isinstance(metadata, dict) else ""


def _true(value: object) -> bool:
    return value in {True, "1", "true", "True"}  # 1 equals True
