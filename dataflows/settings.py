"""Settings: the only place that reads the environment. Prefix `CALI_`, nested with `__`, listed in `.env.example`."""

import json
import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettingError

from connectors.kinesis import KinesisConfig
from connectors.opensearch import OpenSearchConfig
from connectors.s3 import S3Config
from connectors.slack import SlackConfig
from connectors.spool import MAX_BYTES
from dataflows.domain.redaction.lists import problem_of
from dataflows.render.links import problem_of_template
from dataflows.steps.throttle import WindowConfig
from rag.config import OpenAIConfig, RagConfig

PREFIX = "CALI_"
MIN_REDACTION_KEY = 16
"""Characters: fewer could be guessed by trying keys against the mark of a known value."""
_TELLING = frozenset("@?")
"""What stands beside a password or a token in a URL: a wrong value with one of them is not shown."""
_SERVICE_LINK = re.compile(
    r"CALI_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)
"""Kubernetes gives these to every pod of a namespace with a service named `cali` or `cali-...`; they are no settings:
https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables"""


def _expression(given: str) -> str:
    problem = problem_of(given)
    if problem:
        msg = f"{given!r} {problem}; see https://github.com/google/re2/wiki/Syntax"
        raise ValueError(msg)
    return given


def _long_enough(key: SecretStr) -> SecretStr:
    size = len(key.get_secret_value())
    if size < MIN_REDACTION_KEY:
        msg = f"has {size} characters; make one of at least {MIN_REDACTION_KEY}, such as with `openssl rand -hex 16`"
        raise ValueError(msg)
    return key


RedactionKey = Annotated[SecretStr, AfterValidator(_long_enough)]
Expression = Annotated[str, AfterValidator(_expression)]
Word = Annotated[str, Field(min_length=2)]


class FingerprintConfig(BaseModel):
    """Which faults are the same. Another value gives faults other fingerprints: their alerts start anew."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    in_app: tuple[Word, ...] = ()
    """JSON list of what is the team's own though it looks like a framework: `["org.apache.ours.", "/vendor/ours/"]`."""
    frameworks: tuple[Word, ...] = ()
    """JSON list of further prefixes of functions, or parts of paths (with a slash), whose frames do not count."""
    new_per_minute: int = Field(default=60, ge=1, le=100_000)
    """New fingerprints of one service in a minute, per process; beyond, the coarse one is used."""


class RedactionConfig(BaseModel):
    """How secrets and personal data are masked."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    key: RedactionKey | None = None
    """Makes placeholders tell values apart: `[EMAIL:3f2a9c01]`. At least 16 characters. Absent: `[EMAIL]`."""
    allow: tuple[Expression, ...] = ()
    """JSON list of RE2 expressions: a value, of any class, that one fits as a whole stays: `["10[.].*"]`."""
    deny: tuple[Expression, ...] = ()
    """JSON list of RE2 expressions: what one matches within a line is masked as `[DENIED]`."""
    deny_fields: tuple[Word, ...] = ()
    """JSON list of names of fields and keys, in any case, whose values are masked as `[FIELD]`: `["employee_no"]`."""


class StateConfig(BaseModel):
    """What must survive a restart besides Bytewax's recovery store."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dir: Path = Path(".cali/state")
    """Folder of the spool and the Slack ledger. Put it on the same volume as the recovery store (`-r`)."""
    spool_max_bytes: int = Field(default=MAX_BYTES, ge=2**20)
    """Bytes of the spool at which reading stops until S3 has taken some of it. Half of them at most wait for
    OpenSearch; what comes on top goes to the dead letters. 256 MiB of the volume stay free."""


class DeadLettersConfig(BaseModel):
    """When rejected records are more than single accidents: one alert a minute, if both limits are reached."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    limit_share: float = Field(default=0.5, gt=0, le=1)
    """Share of a minute's records."""
    limit_minimum: int = Field(default=100, ge=1)
    """Rejected records in the minute."""


class RulesConfig(BaseModel):
    """What is told to whom, in a file that is read again when it changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    path: Path | None = None
    """YAML file of rules: levels, filters, windows, routes, silences (docs/rules.md). Absent: everything is told."""


def _search_address(given: str) -> str:
    if problem := problem_of_template(given):
        raise ValueError(problem)
    return given


class CardsConfig(BaseModel):
    """What cards show besides the alert."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    search_url: Annotated[str, AfterValidator(_search_address)] = ""
    """Address of a fault's records in OpenSearch Dashboards or another tool, with `{fingerprint}`, `{service}`,
    `{from}` and `{to}` (ISO times) where they belong. Empty: cards have no such link."""


class Settings(BaseSettings):
    """Everything that can be set. Frozen; secrets do not show."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    language: Literal["en", "ko"] = "en"
    """Language of Slack messages and explanations: `en` or `ko`."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """CALI's own logs: `DEBUG`, `INFO`, `WARNING` or `ERROR`."""

    kinesis: KinesisConfig = KinesisConfig()
    s3: S3Config = S3Config()
    opensearch: OpenSearchConfig = OpenSearchConfig()
    window: WindowConfig = WindowConfig()
    rag: RagConfig = RagConfig()
    openai: OpenAIConfig = OpenAIConfig()
    slack: SlackConfig = SlackConfig()
    redaction: RedactionConfig = RedactionConfig()
    fingerprint: FingerprintConfig = FingerprintConfig()
    state: StateConfig = StateConfig()
    dead_letters: DeadLettersConfig = DeadLettersConfig()
    rules: RulesConfig = RulesConfig()
    cards: CardsConfig = CardsConfig()


class SettingsError(SystemExit):
    """Settings that cannot work: ends the process with one line per problem on standard error."""


def load(**overrides: Any) -> Settings:  # noqa: ANN401 - the fields of Settings
    """Read the settings.

    Raises:
        SettingsError: a line per wrong value (its variable, the value unless it may tell a secret, what is allowed)
            and per variable that begins with `CALI_` and is no setting (its name and the nearest setting's).
    """
    problems = [_no_such(name) for name in _strangers()]
    try:
        settings = Settings(**overrides)
    except ValidationError as err:
        problems += [_problem(dict(error)) for error in err.errors(include_url=False)]
    except UnreadableSettingError as err:
        problems.append(_unreadable(str(err).partition('"')[2].partition('"')[0].upper()))
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return settings


def share_region() -> None:
    """Let `AWS_REGION`, which EKS and most AWS SDKs know, count for boto3 too, which reads `AWS_DEFAULT_REGION` alone.

    Changes the environment of the process: for its entry points, before any client is made.
    """
    if region := os.environ.get("AWS_REGION"):
        os.environ.setdefault("AWS_DEFAULT_REGION", region)


def _given() -> set[str]:
    """Names in the environment and in `.env` that begin as settings do."""
    sources = [source(Settings, env_ignore_empty=False) for source in (EnvSettingsSource, DotEnvSettingsSource)]
    return {name.upper() for source in sources for name in source.env_vars if name.upper().startswith(PREFIX)}


def _strangers() -> list[str]:
    """Given names that are no settings."""
    sections = {PREFIX + name.upper() for name in Settings.model_fields}
    known = sections | {name for name, _, _ in variables()}
    return sorted(name for name in _given() - known if not _SERVICE_LINK.fullmatch(name))


def _unreadable(section: str) -> str:
    """A whole section, or a list in it, given as text that is not JSON."""
    whole = PREFIX + section
    if whole in _given():
        return f"{whole}: is no JSON object; set its parts, such as {whole}__..., one by one"
    lists = [name for name, _, default in variables() if name.startswith(f"{whole}__") and str(default).startswith("[")]
    return f'{" or ".join(lists)}: is no JSON list; write it as one, such as ["one", "two"]'


def _no_such(variable: str) -> str:
    (nearest,) = get_close_matches(variable, [name for name, _, _ in variables()], n=1, cutoff=0.0)
    return f"{variable}: there is no such setting, the nearest is {nearest}; correct the name or unset it"


def _problem(error: dict[str, Any]) -> str:
    path = [str(part) for part in error["loc"] if not isinstance(part, int)]  # without places in lists
    variable = PREFIX + "__".join(path).upper()
    if error["type"] == "extra_forbidden":
        return _no_such(variable)
    value = error.get("input")
    hidden = _is_secret(path) or isinstance(value, dict) or bool(_TELLING & set(str(value)))
    shown = "" if hidden else f" is {str(value)[:80]!r}"
    return f"{variable}{shown}: {error['msg'].removeprefix('Value error, ')}"


def _is_secret(path: list[str]) -> bool:
    """Whether the setting at a path is a SecretStr. A path nobody knows is treated as one."""
    kind: Any = Settings
    for name in path:
        fields = kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
        if name not in fields:
            return True
        kind = fields[name].annotation
    return _holds_secret(kind)


def _holds_secret(kind: Any) -> bool:  # noqa: ANN401 - any annotation
    """Whether a type is SecretStr or has one in it, such as `SecretStr | None`."""
    return kind is SecretStr or any(_holds_secret(part) for part in get_args(kind))


def variables(model: type[BaseModel] = Settings, prefix: str = PREFIX) -> list[tuple[str, str, Any]]:
    """Every variable with its description and default, a list as JSON, in order: what `.env.example` lists."""
    out: list[tuple[str, str, Any]] = []
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            out += variables(field.annotation, variable + "__")
        else:
            default = json.dumps(field.default) if isinstance(field.default, tuple | dict) else field.default
            out.append((variable, field.description or "", default))
    return out
