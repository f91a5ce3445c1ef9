"""Finds commands in prose: without back quotes, and longer than the runbook has them."""

import re

from rag.verify.parts import stands

_PROGRAMS = (
    r"kubectl|helm|docker|podman|crictl|nerdctl|systemctl|journalctl|service|sudo|su|rm|dd|mkfs\S*|curl|wget|nc|ncat|netcat"
    r"|bash|sh|zsh|python3?|perl|ruby|node|npm|npx|pip3?|ssh|scp|rsync|psql|mysql|mongosh?|redis-cli|kafka-[a-z-]+|aws|gcloud"
    r"|az|terraform|git|chmod|chown|iptables|kill|killall|pkill|openssl|etcdctl|nodetool|rabbitmqctl|rabbitmqadmin|pg_\w+|jcmd"
    r"|jmap|jstack|powershell|invoke-\w+|eval|exec|crontab|reboot|shutdown|flushall|flushdb|nslookup|dig"
)
_AMBIGUOUS = (
    r"service|node|exec|eval|docker|git|python|bash|shutdown|reboot|dig|ruby|perl|su|az|sh|mongo|podman|nc|helm|kill"
)
_IS_AMBIGUOUS = re.compile(_AMBIGUOUS, re.IGNORECASE)
"""Also plain words: a command only where an argument follows."""
_COMMAND = re.compile(rf"(?<![\w./-])(?:{_PROGRAMS})(?![\w-])[^.;!?\n]*(?:[.;!?]\S[^.;!?\n]*)*", re.IGNORECASE)
_ARGUMENT = re.compile(r"[-/$\"'{\d]|\S*[=/:$|]")
_SUBCOMMAND = re.compile(
    r"exec|run|rmi?|stop|kill|system|prune|push|reset|checkout|clean|revert|uninstall|install|delete|upgrade|rollback",
    re.IGNORECASE,
)
_JOINS = re.compile(
    r"to|and|for|on|in|until|if|when|then|or|from|which|again|first|so|that|while|by|as|with|after|before|is|shows|must"
    r"|may|might|can|could|gives|says|prints|tells|only|also|but|because|at|where|whether|once|each|here",
    re.IGNORECASE,
)
"""Words that go on with the sentence after a command: what stands behind them is prose."""
_STATEMENT = re.compile(
    r"\b(?:drop\s+(?:table|database|schema|index|user)|delete\s+from|truncate\s+table|alter\s+\w+|grant\s+\w+\s+\w+"
    r"|revoke\s+\w+|create\s+user|update\s+\w+\s+set|shutdown\s+(?:nosave|save)|config\s+set)\b[^.;]*",
    re.IGNORECASE,
)


def borrowed(text: str, source: str) -> bool:
    """Say whether every command of a folded text is one of `source`, with no argument added to it."""
    prose = text.replace("`", "")
    plain = source.replace("`", "")
    return all(_is_of(match[0], plain) for match in (*_COMMAND.finditer(prose), *_STATEMENT.finditer(prose)))


def _is_of(tail: str, source: str) -> bool:
    # A comma at the end of a word ends the command; what follows is prose, and its options are looked up by `parts`.
    words = [word.rstrip(",)") for word in re.split(r",(?=\s)", tail, maxsplit=1)[0].split()]
    if _IS_AMBIGUOUS.fullmatch(words[0]) and not _is_command(words):
        return True
    # Korean prose goes on after a command with a particle, or a word: `kubectl logs 로`, `kubectl logs를`.
    parted = [part for word in words for part in re.split(r"(?=[\uac00-\ud7a3])", word, maxsplit=1) if part]
    known = 0
    while known < len(parted) and stands(" ".join(parted[: known + 1]), [source]):
        known += 1
    rest = parted[known:]
    return known > 0 and (not rest or bool(_JOINS.fullmatch(rest[0])) or _is_korean(rest[0]))


def _is_command(words: list[str]) -> bool:
    return len(words) > 1 and (bool(_ARGUMENT.match(words[1]) or _SUBCOMMAND.fullmatch(words[1])))


def _is_korean(word: str) -> bool:
    return "\uac00" <= word[0] <= "\ud7a3"
