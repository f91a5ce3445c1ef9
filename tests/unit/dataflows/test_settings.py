"""Settings: read from the environment and `.env`; a wrong one is one line that says what is allowed."""

import os
from pathlib import Path

import pytest

from dataflows.settings import Settings, SettingsError, _is_secret, load, share_region, variables

SECRET = "hunter" + "2" * 10


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no `.env` of the machine that runs the test."""
    for name in [name for name in os.environ if name.upper().startswith("CALI_")]:
        monkeypatch.delenv(name)
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


def no_such(name: str, nearest: str) -> str:
    """The line for a name that is no setting."""
    return f"{name}: there is no such setting, the nearest is {nearest}; correct the name or unset it"


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
            "WINDOW__GRACE_S",
            "inf",
            "CALI_WINDOW__GRACE_S is 'inf': Input should be less than or equal to 3600",
        ),
        (
            "KINESIS__START",
            "EARLIEST",
            "CALI_KINESIS__START is 'EARLIEST': Input should be 'TRIM_HORIZON', 'LATEST' or 'AT_TIMESTAMP'",
        ),
        (
            "KINESIS__STREAM",
            "my logs",
            (
                "CALI_KINESIS__STREAM is 'my logs': must be the name of a stream, no ARN: "
                "1 to 128 of a-z, A-Z, 0-9, '_', '.' and '-'"
            ),
        ),
        (
            "KINESIS__ENDPOINT_URL",
            "bar",
            (
                "CALI_KINESIS__ENDPOINT_URL is 'bar': must be a base URL such as http://127.0.0.1:4566: "
                "http or https, a host, no query"
            ),
        ),
        (
            "S3__BUCKET",
            "a b/c",
            (
                "CALI_S3__BUCKET is 'a b/c': must be the name of a bucket: 3 to 63 of a-z, 0-9, '.' and '-', "
                "with a letter or digit at both ends and no '..'"
            ),
        ),
        (
            "OPENSEARCH__URL",
            "foo",
            (
                "CALI_OPENSEARCH__URL is 'foo': must be a base URL such as https://search.example.com:9200: "
                "http or https, a host, no query"
            ),
        ),
        (
            "OPENSEARCH__INDEX_PREFIX",
            "Prod logs",
            (
                "CALI_OPENSEARCH__INDEX_PREFIX is 'Prod logs': must be 1 to 200 of a-z (lower case), 0-9, '_', '.' and "
                "'-', and begin with a letter or digit"
            ),
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
    assert [no_such("CALI_SLACK__WEBHOOK_ULR", "CALI_SLACK__WEBHOOK_URL")] == problems(
        monkeypatch, SLACK__WEBHOOK_ULR=SECRET
    )


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SLACK_WEBHOOK_URL", "SLACK__WEBHOOK_URL"),
        ("KINESISSTREAM", "KINESIS__STREAM"),
        ("LANG", "LANGUAGE"),
        ("KINESIS_PART", "KINESIS__START"),
    ],
)
def test_a_misspelt_variable_is_told(monkeypatch: pytest.MonkeyPatch, name: str, nearest: str) -> None:
    """A name outside every section is one line with the nearest setting, never with its value."""
    assert [no_such(f"CALI_{name}", f"CALI_{nearest}")] == problems(monkeypatch, **{name: SECRET})


def test_a_misspelt_variable_without_value_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong name is wrong though its value is empty."""
    assert [no_such("CALI_LANGUAGES", "CALI_LANGUAGE")] == problems(monkeypatch, LANGUAGES="")


def test_a_misspelt_variable_in_the_env_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`.env` is looked at too, in any case of letters; what does not begin with CALI_ is somebody else's."""
    (tmp_path / ".env").write_text("cali_s3_bucket=a\nS3_BUCKET=b\n", encoding="utf-8")
    assert [no_such("CALI_S3_BUCKET", "CALI_S3__BUCKET")] == problems(monkeypatch)


def test_misspelt_and_wrong_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong name does not hide a wrong value."""
    assert [
        no_such("CALI_KINESISSTREAM", "CALI_KINESIS__STREAM"),
        "CALI_LANGUAGE is 'fr': Input should be 'en' or 'ko'",
    ] == problems(monkeypatch, KINESISSTREAM="x", LANGUAGE="fr")


def test_service_links_of_kubernetes_are_no_misspelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service named `cali` or `cali-api` beside the pod puts its addresses into the environment: it starts."""
    address = "10.0.0.7"
    for name, value in {
        "SERVICE_HOST": address,
        "SERVICE_PORT": "3030",
        "API_SERVICE_HOST": address,
        "API_SERVICE_PORT": "3030",
        "API_SERVICE_PORT_METRICS": "3030",
        "API_PORT": f"tcp://{address}:3030",
        "API_PORT_3030_TCP": f"tcp://{address}:3030",
        "API_PORT_3030_TCP_PROTO": "tcp",
        "API_PORT_3030_TCP_PORT": "3030",
        "API_PORT_3030_TCP_ADDR": address,
    }.items():
        monkeypatch.setenv(f"CALI_{name}", value)
    assert Settings() == load()


def test_a_section_as_json_is_no_misspelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole section may be one JSON object; a wrong name in it is told as if it were a variable."""
    monkeypatch.setenv("CALI_KINESIS", '{"stream": "mine"}')
    assert "mine" == load().kinesis.stream
    assert [no_such("CALI_KINESIS__STREEM", "CALI_KINESIS__STREAM")] == problems(
        monkeypatch, KINESIS='{"streem": "mine"}'
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK__WEBHOOK_URL", f"ftp://{SECRET}"),
        ("SLACK__BOT_TOKEN", SECRET),
        ("OPENAI__BASE_URL", f"ftp://user:{SECRET}@host/v1"),
        ("OPENAI__BASE_URL", f"ftp://user:x/{SECRET}@host/v1"),
        ("OPENAI__BASE_URL", f"ftp://host/v1?key={SECRET}"),
        ("OPENSEARCH__URL", f"https://host?key={SECRET}"),
    ],
)
def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A wrong secret, and a password inside a wrong URL, is named and not shown."""
    (line,) = problems(monkeypatch, **{name: value})
    assert (True, False) == (line.startswith(f"CALI_{name}"), SECRET in line)


@pytest.mark.parametrize("url", ["http://admin:{}@host:9200", "admin:{}@host", "https://a:x/{}@host", "http://{}@host"])
@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("OPENSEARCH__URL", "set CALI_OPENSEARCH__USERNAME and CALI_OPENSEARCH__PASSWORD instead"),
        ("KINESIS__ENDPOINT_URL", "AWS credentials come from a role, a profile or AWS_* variables"),
        ("S3__ENDPOINT_URL", "AWS credentials come from a role, a profile or AWS_* variables"),
    ],
)
def test_a_url_with_a_password_is_refused(monkeypatch: pytest.MonkeyPatch, url: str, name: str, advice: str) -> None:
    """An address that holds a user or password is not accepted, so that nothing can print it."""
    expected = f"CALI_{name}: a URL must hold no user and password; {advice}"
    assert [expected] == problems(monkeypatch, **{name: url.format(SECRET)})


def test_the_secrets_are_known_by_their_types() -> None:
    """Exactly the variables whose type is SecretStr are secrets, and what nobody knows is treated as one."""
    secret = {name for name, _, _ in variables() if _is_secret(name.removeprefix("CALI_").lower().split("__"))}
    assert {
        "CALI_OPENSEARCH__PASSWORD",
        "CALI_RAG__MILVUS_TOKEN",
        "CALI_RAG__EMBEDDING_API_KEY",
        "CALI_OPENAI__API_KEY",
        "CALI_SLACK__WEBHOOK_URL",
        "CALI_SLACK__WEBHOOK_URLS",
        "CALI_SLACK__BOT_TOKEN",
        "CALI_REDACTION__KEY",
    } == secret
    assert [True, True, False] == [_is_secret(path) for path in (["nobody"], ["language", "nobody"], ["kinesis"])]


def test_a_secret_is_not_in_any_print_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """`repr` and JSON of the settings hold no secret."""
    monkeypatch.setenv("CALI_OPENSEARCH__USERNAME", "cali")
    monkeypatch.setenv("CALI_OPENSEARCH__PASSWORD", SECRET)
    monkeypatch.setenv("CALI_REDACTION__KEY", SECRET)
    settings = load()
    assert SECRET not in repr(settings) + settings.model_dump_json()


def test_a_section_that_is_no_json_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole section given as text is one line too, not a traceback."""
    assert ["CALI_KINESIS: is no JSON object; set its parts, such as CALI_KINESIS__..., one by one"] == problems(
        monkeypatch, KINESIS="my-stream"
    )


def test_a_list_that_is_no_json_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list given as plain text is one line that names what can be meant and how to write it."""
    (line,) = problems(monkeypatch, FINGERPRINT__IN_APP="org.ours.")
    assert (
        "CALI_FINGERPRINT__IN_APP or CALI_FINGERPRINT__FRAMEWORKS: is no JSON list; "
        'write it as one, such as ["one", "two"]'
    ) == line


def test_a_start_time_needs_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What contradicts across two variables of a section names the section and what is missing."""
    (line,) = problems(monkeypatch, KINESIS__START="AT_TIMESTAMP", KINESIS__START_TIMESTAMP="2026-11-21T00:00:00")
    assert line.startswith("CALI_KINESIS: AT_TIMESTAMP needs start_timestamp with a time zone")


def test_every_variable_says_what_it_is() -> None:
    """Every variable has a description, and none occurs twice."""
    listed = variables()
    assert [] == [name for name, description, _ in listed if not description]
    assert len(listed) == len({name for name, _, _ in listed})


def test_lists_are_json_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of redaction and fingerprints are JSON; an expression that RE2 refuses is told with its reason."""
    monkeypatch.setenv("CALI_REDACTION__ALLOW", '["10[.].*"]')
    monkeypatch.setenv("CALI_FINGERPRINT__IN_APP", '["org.apache.ours."]')
    settings = load()
    assert (("10[.].*",), ("org.apache.ours.",)) == (settings.redaction.allow, settings.fingerprint.in_app)
    (line,) = problems(monkeypatch, REDACTION__DENY='["a(?!b)"]')
    assert (True, True) == (line.startswith("CALI_REDACTION__DENY"), "'a(?!b)' is no RE2 expression (" in line)


def test_the_usual_name_of_the_region_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 reads another variable than EKS sets; one that is set for boto3 stays."""
    seen = []
    for own in (None, "eu-west-1"):
        monkeypatch.setenv("AWS_REGION", "ap-northeast-2")
        monkeypatch.setenv("AWS_DEFAULT_REGION", own or "")
        if own is None:
            monkeypatch.delenv("AWS_DEFAULT_REGION")
        share_region()
        seen.append(os.environ["AWS_DEFAULT_REGION"])
    assert ["ap-northeast-2", "eu-west-1"] == seen
