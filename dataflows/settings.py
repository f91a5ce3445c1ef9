"""Settings: the only place that reads the environment. Prefix `CALI_`, nested with `__`, listed in `.env.example`."""

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettingError

from connectors.kinesis import KinesisConfig
from connectors.opensearch import OpenSearchConfig
from connectors.s3 import S3Config
from connectors.slack import SlackConfig
from dataflows.steps.throttle import WindowConfig
from rag.config import OpenAIConfig, RagConfig

PREFIX = "CALI_"
_USER_INFO = re.compile(r"//[^/@\s]*@")
"""User and password in a URL: a wrong URL is shown without them."""


class RedactionConfig(BaseModel):
    """How secrets and personal data are masked."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    key: SecretStr | None = None
    """Makes placeholders tell values apart without telling them: `[EMAIL:3f2a9c01]`. Absent: `[EMAIL]`."""


class StateConfig(BaseModel):
    """What must survive a restart besides Bytewax's recovery store."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dir: Path = Path(".cali/state")
    """Folder of the spool and the Slack ledger. Put it on the same volume as the recovery store (`-r`)."""


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
    state: StateConfig = StateConfig()


class SettingsError(SystemExit):
    """Settings that cannot work: ends the process with one line per problem on standard error."""


def load(**overrides: Any) -> Settings:  # noqa: ANN401 - the fields of Settings
    """Read the settings.

    Raises:
        SettingsError: a line per wrong value: its variable, the value unless secret, and what is allowed.
    """
    try:
        return Settings(**overrides)
    except ValidationError as err:
        problems = [_problem(dict(error)) for error in err.errors(include_url=False)]
        raise SettingsError("\n".join(problems)) from None
    except UnreadableSettingError as err:  # a whole section as text that is not JSON
        section = str(err).partition('"')[2].partition('"')[0].upper()
        msg = f"{PREFIX}{section}: is no JSON object; set its parts, such as {PREFIX}{section}__..., one by one"
        raise SettingsError(msg) from None


def _problem(error: dict[str, Any]) -> str:
    path = [str(part) for part in error["loc"]]
    variable = PREFIX + "__".join(path).upper()
    hidden = _is_secret(path) or isinstance(error.get("input"), dict)
    shown = "" if hidden else f" is {_USER_INFO.sub('//***@', str(error.get('input')))[:80]!r}"
    return f"{variable}{shown}: {error['msg'].removeprefix('Value error, ')}"


def _is_secret(path: list[str]) -> bool:
    """Whether the setting at a path is a SecretStr. A path nobody knows is treated as one."""
    model: Any = Settings
    for name in path:
        fields = getattr(model, "model_fields", None)
        if not fields or name not in fields:
            return True
        annotation = fields[name].annotation
        if "SecretStr" in str(annotation) or "Secret" in str(annotation):
            return True
        model = annotation
    return False


def variables(model: type[BaseModel] = Settings, prefix: str = PREFIX) -> list[tuple[str, str, Any]]:
    """Every variable with its description and default, in order: what `.env.example` lists."""
    out: list[tuple[str, str, Any]] = []
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            out += variables(field.annotation, variable + "__")
        else:
            out.append((variable, field.description or "", field.default))
    return out
