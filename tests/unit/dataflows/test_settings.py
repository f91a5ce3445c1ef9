"""Settings: read from the environment and `.env`; a wrong one is one line that says what is allowed."""

from pathlib import Path

import pytest

from dataflows.settings import Settings, SettingsError, load, variables

SECRET = "hunter" + "2" * 10


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no `.env` of the machine that runs the test."""
    for name, _, _ in variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def problems(monkeypatch: pytest.MonkeyPatch, **given: str) -> list[str]:
    """The lines that wrong variables give."""
    for name, value in given.items():
        monkeypatch.setenv(f"CALI_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load()
    return str(caught.value).splitlines()


def test_without_any_variable_the_defaults_hold() -> None:
    """Nothing is required: the defaults load and are frozen."""
    settings = load()
    assert ("en", "cali-logs", None) == (settings.language, settings.kinesis.stream, settings.slack.webhook_url)
    with pytest.raises(ValueError, match="frozen"):
        settings.language = "ko"


def test_nested_variables_and_the_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`__` goes into a section, `.env` is read, and the environment wins over it."""
    (tmp_path / ".env").write_text("CALI_KINESIS__STREAM=from-file\nCALI_LANGUAGE=ko\nOTHER=1\n", encoding="utf-8")
    monkeypatch.setenv("CALI_KINESIS__STREAM", "from-environment")
    settings = load()
    assert ("from-environment", "ko") == (settings.kinesis.stream, settings.language)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line such as `CALI_KINESIS__ENDPOINT_URL=` in `.env` leaves the default."""
    empty = [name for name, _, _ in variables()]
    for name in empty:
        monkeypatch.setenv(name, "")
    assert load() == Settings()


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("LANGUAGE", "fr", "CALI_LANGUAGE is 'fr': Input should be 'en' or 'ko'"),
        (
            "KINESIS__READ_LIMIT",
            "0",
            "CALI_KINESIS__READ_LIMIT is '0': Input should be greater than or equal to 1",
        ),
        (
            "WINDOW__LENGTH_S",
            "inf",
            "CALI_WINDOW__LENGTH_S is 'inf': Input should be less than or equal to 86400",
        ),
        (
            "KINESIS__START",
            "EARLIEST",
            "CALI_KINESIS__START is 'EARLIEST': Input should be 'TRIM_HORIZON', 'LATEST' or 'AT_TIMESTAMP'",
        ),
    ],
)
def test_a_wrong_value_is_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str) -> None:
    """The line names the variable, the value, and what is allowed."""
    assert [line] == problems(monkeypatch, **{name: value})


@pytest.mark.parametrize("value", ["inf", "nan", "-1", "abc"])
@pytest.mark.parametrize(
    "name", ["KINESIS__TIMEOUT_S", "KINESIS__IDLE_GAP_S", "S3__TIMEOUT_S", "OPENSEARCH__LINGER_S", "SLACK__TIMEOUT_S"]
)
def test_seconds_are_finite_and_positive(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """No duration is infinite, negative or no number."""
    (line,) = problems(monkeypatch, **{name: value})
    assert line.startswith(f"CALI_{name} is '{value}': Input should be")


def test_every_problem_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several wrong values are told at once."""
    lines = problems(monkeypatch, LANGUAGE="fr", LOG_LEVEL="LOUD", S3__TIMEOUT_S="0")
    assert {"CALI_LANGUAGE", "CALI_LOG_LEVEL", "CALI_S3__TIMEOUT_S"} == {line.split(" ", 1)[0] for line in lines}


def test_a_misspelt_part_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a section does not know is a problem, not a silence; its value may be anything and is hidden."""
    assert ["CALI_SLACK__WEBHOOK_ULR: Extra inputs are not permitted"] == problems(
        monkeypatch, SLACK__WEBHOOK_ULR=SECRET
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK__WEBHOOK_URL", f"ftp://{SECRET}"),
        ("SLACK__BOT_TOKEN", SECRET),
        ("OPENAI__BASE_URL", f"ftp://user:{SECRET}@host/v1"),
    ],
)
def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A wrong secret, and a password inside a wrong URL, is named and not shown."""
    (line,) = problems(monkeypatch, **{name: value})
    assert (True, False) == (line.startswith(f"CALI_{name}"), SECRET in line)


def test_a_secret_is_not_in_any_print_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """`repr` and JSON of the settings hold no secret."""
    monkeypatch.setenv("CALI_OPENSEARCH__PASSWORD", SECRET)
    monkeypatch.setenv("CALI_REDACTION__KEY", SECRET)
    settings = load()
    assert SECRET not in repr(settings) + settings.model_dump_json()


def test_a_section_that_is_no_json_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole section given as text is one line too, not a traceback."""
    assert ["CALI_KINESIS: is no JSON object; set its parts, such as CALI_KINESIS__..., one by one"] == problems(
        monkeypatch, KINESIS="my-stream"
    )


def test_a_start_time_needs_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What contradicts across two variables of a section names the section and what is missing."""
    (line,) = problems(monkeypatch, KINESIS__START="AT_TIMESTAMP", KINESIS__START_TIMESTAMP="2026-11-21T00:00:00")
    assert line.startswith("CALI_KINESIS: AT_TIMESTAMP needs start_timestamp with a time zone")


def test_every_variable_says_what_it_is() -> None:
    """Every variable has a description, and none occurs twice."""
    listed = variables()
    assert [] == [name for name, description, _ in listed if not description]
    assert len(listed) == len({name for name, _, _ in listed})
