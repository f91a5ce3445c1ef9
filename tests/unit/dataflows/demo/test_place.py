"""Where a demo runs, and what must not reach it."""

from pathlib import Path

import pytest

from dataflows.demo import place
from dataflows.demo.place import DemoError, Place, clean, require_extra, runbooks


def test_settings_of_the_user_do_not_leak_in() -> None:
    """Everything that could point at a real account, a model or a proxy is taken out; the rest stays."""
    theirs = [
        "CALI_SLACK__WEBHOOK_URL",
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "OPENAI_API_KEY",
        "HTTPS_PROXY",
        "http_proxy",
    ]

    cleaned = clean(dict.fromkeys(theirs, "x") | {"HOME": "h", "PATH": "p"})

    assert set() == set(theirs) & set(cleaned)
    assert ("h", "p", "demo") == (cleaned["HOME"], cleaned["PATH"], cleaned["AWS_ACCESS_KEY_ID"])


def test_addresses_are_on_this_machine_and_differ(tmp_path: Path) -> None:
    """Four ports, all different, all of 127.0.0.1."""
    here = Place(tmp_path, 15.0)

    assert 4 == len({here.aws_port, here.search_port, here.slack_port, here.metrics_port})
    urls = [value for value in here.settings().values() if value.startswith("http")]
    assert [] == [url for url in urls if not url.startswith("http://127.0.0.1:")]


def test_every_setting_of_the_pipeline_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names are spelled as the settings know them: each changes its value."""
    from dataflows.settings import load, variables  # noqa: PLC0415 - only this test needs them

    monkeypatch.chdir(tmp_path)
    ours = {name: value for name, value in Place(tmp_path, 15.0).settings().items() if name.startswith("CALI_")}
    for name, value in ours.items():
        monkeypatch.setenv(name, value)

    assert set() == set(ours) - {name for name, _, _ in variables()}
    assert 15.0 == load().window.length_s


def test_a_demo_speaks_one_language(tmp_path: Path) -> None:
    """Readers of English meet no runbook in Korean; those of Korean get both."""
    assert "ko" == Place(tmp_path, 15.0, "ko").settings()["CALI_LANGUAGE"]
    english, both = runbooks("en"), runbooks("ko")
    assert english is not None
    assert both is not None
    assert ("en", {"en", "ko"}) == (english.name, {folder.name for folder in both.iterdir() if folder.is_dir()})


def test_a_missing_package_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever installed CALI without the extra is told what to run."""
    monkeypatch.setattr(place, "_NEEDED", (("no_such_module", "no-such-package"),))

    with pytest.raises(DemoError, match=r"^the demo needs no-such-package: run: pip install 'cali\[demo\]'$"):
        require_extra()
