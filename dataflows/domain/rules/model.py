"""The shape of a rules file. The JSON Schema for editors is made from it."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator

from dataflows.domain.rules.terms import Severity
from dataflows.domain.rules.values import (
    Channel,
    Expressions,
    Globs,
    Instant,
    Length,
    LevelName,
    Levels,
    Line,
    Mention,
    Name,
    Prefixes,
    Severities,
    SeverityName,
    Words,
)

MAX_ENTRIES: Final = 1_000
"""Rules of one kind. Our choice: a subject that is not known yet is held against each."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Match(_Model):
    """What a rule is about. Every key that is given must fit; of a list of values one must. No key: it fits everything.

    Patterns have `*` (any text) and `?` (any one character), and fit a value as a whole; case counts.
    """

    service: Words = ()
    """Patterns for the name of the service."""
    namespace: Globs = ()
    """Patterns for the Kubernetes namespace; `""` fits records without one."""
    level: Levels = ()
    """WARN, ERROR or FATAL: what the program wrote."""
    fingerprint: Prefixes = ()
    """First 6 to 32 digits of the fingerprint, as on the card."""
    type: Words = ()
    """Patterns for exception types: one of the chain must fit."""
    template: Words = ()
    """Patterns for the message with its variable parts masked, as on the card: `"*connection refused*"`."""
    template_re: Expressions = ()
    """RE2 expressions, looked for anywhere in that text: `(?i)time(d )?out`."""

    def given(self) -> dict[str, tuple[str, ...]]:
        """The keys that are given, with their values."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name))}

    def fits_all(self) -> bool:
        """Whether it fits everything: no key, or only patterns of nothing but `*`."""
        return all(any(value and not value.strip("*") for value in values) for values in self.given().values())


class AlertMatch(Match):
    """A match that may name as well what earlier sections say of the fault."""

    severity: Severities = ()
    """critical, error, warning or info."""
    team: Globs = ()
    """Patterns for the team; `""` fits faults without one."""


class MinimumLevel(_Model):
    """Records below the level are counted and searchable; nobody is told. The first that fits decides; else WARN."""

    match: Match = Match()
    level: LevelName


class Filter(_Model):
    """Either `keep` or `drop`. The first that fits decides; else it is kept."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    keep: Match | None = None
    """Nothing below this filter drops what fits here."""
    drop: Match | None = None
    """What fits is counted and searchable; nobody is told."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "Filter":
        if (self.keep is None) == (self.drop is None):
            msg = "give either keep or drop"
            raise ValueError(msg)
        if self.drop is not None and self.drop.fits_all():
            msg = "it would drop everything, and nobody would be told of any fault: name a service, a type, ..."
            raise ValueError(msg)
        return self


class SeverityRule(_Model):
    """The first that fits decides; else FATAL is critical, ERROR error and WARN warning."""

    match: Match = Match()
    severity: SeverityName


class TeamRule(_Model):
    """Whose it is. The first that fits decides."""

    match: Match = Match()
    team: Line


class Window(_Model):
    """Seconds, minutes or hours that one summary covers at least. The first that fits decides; else the setting."""

    match: Match = Match()
    length: Length
    """1s to 24h: 90s, 15m, 1h."""


class Route(_Model):
    """Where alerts go, and whom they call. The first that fits decides both; else the default channel and nobody."""

    match: AlertMatch = AlertMatch()
    channel: Channel = ""
    """Name in quotes, such as "#payments", or id. None: the default channel."""
    mention: Mention = ""
    """`here`, `channel`, a user id (U..., W...), a user group id (S...), or `none`."""
    mention_from: SeverityName = Severity.INFO
    """Least severity that mentions: from `info` every alert does."""


class SilenceRule(_Model):
    """Until then nobody is told of what fits; it is in the history."""

    id: Name
    """Unlike those of all other silences."""
    match: AlertMatch
    until: Instant
    """ISO 8601 with its offset: 2026-12-01T09:00:00+09:00."""
    author: Line
    reason: Line

    @model_validator(mode="after")
    def _not_all(self) -> "SilenceRule":
        if self.match.fits_all():
            msg = "it would silence everything: name a service, a team, ..."
            raise ValueError(msg)
        return self


def _version(value: object) -> object:
    return 1 if value == "1" else value


def _list_of(entries: object) -> object:
    if not isinstance(entries, list):
        msg = "give a list: every rule begins with `- ` in a line of its own (or [] for none)"
        raise ValueError(msg)  # noqa: TRY004 - pydantic collects ValueErrors
    if len(entries) > MAX_ENTRIES:
        msg = f"give at most {MAX_ENTRIES} rules of one kind: join them with lists of values and patterns"
        raise ValueError(msg)
    return entries


_entries = BeforeValidator(_list_of)


class RulesFile(_Model):
    """Rules of CALI: who is told of what. Read again within seconds of a change, without a restart."""

    version: Annotated[Literal[1], BeforeValidator(_version), WithJsonSchema({"const": 1})]
    """Of this shape: 1."""
    minimum_level: Annotated[tuple[MinimumLevel, ...], _entries] = ()
    filters: Annotated[tuple[Filter, ...], _entries] = ()
    severities: Annotated[tuple[SeverityRule, ...], _entries] = ()
    teams: Annotated[tuple[TeamRule, ...], _entries] = ()
    windows: Annotated[tuple[Window, ...], _entries] = ()
    routes: Annotated[tuple[Route, ...], _entries] = ()
    silences: Annotated[tuple[SilenceRule, ...], _entries] = ()

    @model_validator(mode="after")
    def _unlike_ids(self) -> "RulesFile":
        ids = [silence.id for silence in self.silences]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            msg = f"more than one silence has the id {', '.join(map(repr, twice))}: give each its own"
            raise ValueError(msg)
        return self


def schema() -> dict[str, Any]:
    """The JSON Schema of a rules file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **RulesFile.model_json_schema()}
