"""`cali why` where there is nothing to ask."""

from pathlib import Path

import pytest

from dataflows import why
from dataflows.demo.place import free_port
from dataflows.settings import SettingsError


@pytest.mark.parametrize("text", ["abcde", "hello!", "", "0x123456", "a" * 65])
def test_what_is_no_fingerprint_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Fewer than six hex digits, or anything else, is quoted back with what to give; exit status 2."""
    assert 2 == why.run(text)
    assert f"cali why: {text!r} is no fingerprint: give its first 6 or more hex digits\n" == capsys.readouterr().err


def test_an_index_that_is_down_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names the address and the setting; exit status 2."""
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALI_OPENSEARCH__URL", url)

    assert 2 == why.run("abcdef")
    assert (
        f"cali why: the index at {url} cannot be asked (ConnectionError): check CALI_OPENSEARCH__URL\n"
        == capsys.readouterr().err
    )


def test_a_password_in_the_address_is_not_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An address with user and password ends it before the address can be shown, with where they belong."""
    password = "hunter" + "2" * 10
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALI_OPENSEARCH__URL", f"http://admin:{password}@127.0.0.1:{free_port()}")

    with pytest.raises(SettingsError) as caught:
        why.run("abcdef")

    shown = "".join([str(caught.value), *capsys.readouterr()])
    assert [True, False] == ["CALI_OPENSEARCH__PASSWORD" in shown, password in shown]
