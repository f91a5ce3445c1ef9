"""`cali rules` and `cali silence`: checked and edited without harm."""

import fcntl
import os
import stat
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from dataflows.cli import app
from dataflows.domain.rules.file import read_rules_file

GOOD = "# ours\nversion: 1\nroutes:\n  - {match: {}, mention: here}\n  - {match: {team: a}, channel: b}\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good file, that of the settings."""
    path = tmp_path / "rules.yaml"
    path.write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALI_RULES__PATH", str(path))
    monkeypatch.setenv("LOGNAME", "jiwoo")
    return path


def cali(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, arguments)


def add(*more: str) -> Result:
    """Add a silence of two hours."""
    return cali("silence", "add", "--match", "service=pay-*", "--reason", "deploy", *more)


def test_a_good_file_is_summed_up(file: Path) -> None:
    """Exit status 0, so many of each, and what can hardly be meant."""
    done = cali("rules", "check", str(file))
    head, *rest = done.stdout.splitlines()

    assert 0 == done.exit_code
    assert head.startswith(f"{file}: version ")
    assert head.endswith("windows 0, routes 2, silences 0 (0 expired)")
    assert [
        (
            "warning: routes[1] (line 5) never decides: routes[0] (line 4) fits whatever it fits, and comes first; "
            "put it above, or remove it"
        ),
        "warning: routes[0] (line 4) names no channel: its alerts go to the default channel",
    ] == rest


def test_a_bad_file_is_told_line_by_line(file: Path) -> None:
    """Exit status 1, a line per problem; a missing file is one."""
    file.write_text("version: 1\nroutes:\n  - chanel: b\nwindows: {}\n")
    done, none = cali("rules", "check", str(file)), cali("rules", "check", "none.yaml")

    assert (1, "") == (done.exit_code, done.stdout)
    assert [
        (
            f"cali rules: {str(file)!r}: line 4: windows: give a list: every rule begins with `- ` in a line of its "
            "own (or [] for none)"
        ),
        (
            f"cali rules: {str(file)!r}: line 3: routes[0] has no key 'chanel': did you mean 'channel'? allowed are "
            "match, channel, mention, mention_from"
        ),
    ] == done.stderr.splitlines()
    assert (
        1,
        "cali rules: 'none.yaml': cannot be read (No such file or directory): give the path of a file that can\n",
    ) == (none.exit_code, none.stderr)


def test_a_silence_is_added_listed_and_ended(file: Path) -> None:
    """The rest of the file and its mode stay; the list tells what is left, and keeps what is over."""
    file.chmod(0o640)
    added = add("--for", "2h", "--id", "deploy-7", "--match", "service=cart", "--match", "level=ERROR")
    listed = cali("silence", "ls")
    ended = cali("silence", "expire", "deploy-7")
    after = cali("silence", "ls")
    again = cali("silence", "expire", "deploy-7")

    assert [0, 0, 0, 0, 1] == [done.exit_code for done in (added, listed, ended, after, again)], added.stderr
    assert file.read_text().startswith(GOOD + "silences:\n")
    assert 0o640 == stat.S_IMODE(file.stat().st_mode)
    assert added.stdout.startswith("deploy-7: silent until 20")
    name, state, match, author, reason = listed.stdout.rstrip("\n").split("\t")
    assert ("deploy-7", "service=pay-*,cart level=ERROR", "jiwoo", "deploy") == (name, match, author, reason)
    assert state in {"active, 2 h 0 min left", "active, 1 h 59 min left"}
    assert "deploy-7: expired\n" == ended.stdout
    assert after.stdout.startswith("deploy-7\texpired 20")
    assert "the silence 'deploy-7' is over since" in again.stderr
    assert [file.name] == os.listdir(file.parent)  # noqa: PTH208 - names only


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "give either --for or --until"),
        (("--for", "2h", "--until", "2099-01-01T00:00:00Z"), "give either --for or --until"),
        (("--for", "2d"), "--for '2d': give a whole number with its unit: 90s, 15m or 1h"),
        (
            ("--until", "2099-01-01"),
            "--until '2099-01-01': give a time with its offset from UTC, such as 2026-12-01T09:00:00+09:00",
        ),
        (
            ("--until", "2020-01-01T00:00:00Z"),
            "the silence would end at 2020-01-01T00:00:00+00:00, which is over: give a later time",
        ),
        (
            ("--for", "2h", "--match", "servce=a"),
            (
                "--match 'servce=a': give key=value, where key is one of service, namespace, level, fingerprint, type, "
                "template, template_re, severity, team"
            ),
        ),
    ],
)
def test_a_wrong_silence_changes_nothing(arguments: tuple[str, ...], problem: str, file: Path) -> None:
    """The option is named with its value, and the file stays as it was."""
    done = add(*arguments)
    assert (1, f"cali silence: {problem}\n", GOOD) == (done.exit_code, done.stderr, file.read_text())


def test_a_bad_file_is_not_edited(file: Path) -> None:
    """Its problems are told, those that the silence would bring as well."""
    bad = add("--for", "1h", "--match", "level=LOUD")
    assert (1, GOOD) == (bad.exit_code, file.read_text())
    assert "match.level[0] 'LOUD': give WARN, ERROR or FATAL" in bad.stderr or "match.level 'LOUD'" in bad.stderr
    file.write_text("version: 2\n")
    assert (1, f"cali silence: {str(file)!r}: line 1: version '2': give 1: this CALI knows no other version\n") == (
        (done := add("--for", "1h")).exit_code,
        done.stderr,
    )


def test_a_mounted_config_map_is_not_edited(tmp_path: Path, file: Path) -> None:
    """It would be lost, if it could be written; the message says what to change instead. Other links are followed."""
    (tmp_path / "..1").mkdir()
    file.rename(tmp_path / "..1" / "rules.yaml")
    (tmp_path / "..data").symlink_to("..1")
    file.symlink_to("..data/rules.yaml")
    done = add("--for", "1h")
    plain = tmp_path / "link.yaml"
    plain.symlink_to(tmp_path / "..1" / "rules.yaml")
    followed = add("--for", "1h", "--file", str(plain))

    assert 1 == done.exit_code
    assert f"cali silence: {str(file)!r} is part of a mounted ConfigMap" in done.stderr
    assert 0 == followed.exit_code, followed.stderr
    assert plain.is_symlink()
    assert 1 == len(read_rules_file(plain.read_text()).file.silences)


def test_two_editors_wait_for_each_other(file: Path) -> None:
    """While one holds the folder the other does not write; the folder is free again afterwards."""
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        assert [0, 0] == [add("--for", "1h").exit_code for _ in range(2)]
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if it were still locked
    finally:
        os.close(folder)
    assert 2 == len(read_rules_file(file.read_text()).file.silences)


def test_without_a_file_it_asks_for_one(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """Neither an option nor a setting names one."""
    monkeypatch.delenv("CALI_RULES__PATH")
    done = cali("silence", "ls")
    assert (1, "cali silence: which file? Give --file, or set CALI_RULES__PATH\n") == (done.exit_code, done.stderr)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")
def test_the_owner_stays(file: Path) -> None:
    """Root may edit the file of the user that the pipeline runs as: that one can still read it."""
    os.chown(file, 12345, 23456)
    file.chmod(0o600)
    assert 0 == add("--for", "1h").exit_code
    assert (12345, 23456, 0o600) == (file.stat().st_uid, file.stat().st_gid, stat.S_IMODE(file.stat().st_mode))
