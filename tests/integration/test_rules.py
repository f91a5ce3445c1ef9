"""Rules over real records: what a file changes is told before it is in force."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dataflows.replay.compare import difference, lines

pytestmark = pytest.mark.slow
CALI = str(Path(sys.executable).parent / "cali")
SERVICES = ("cart", "checkout", "payment")


def cali(*arguments: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run the command."""
    whole = {name: value for name, value in os.environ.items() if not name.startswith("CALI_")} | env
    return subprocess.run(
        [CALI, *arguments], capture_output=True, text=True, cwd=cwd, check=False, timeout=120, env=whole
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a fault each of three services, seen twice, and rules that drop one, or route one elsewhere."""
    records = [{"level": "ERROR", "service": name, "log_content": f"the disk of {name} is full"} for name in SERVICES]
    (tmp_path / "app.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records * 2))
    os.utime(tmp_path / "app.ndjson", (1_763_764_859, 1_763_764_859))
    (tmp_path / "drop.yaml").write_text("version: 1\nfilters: [{drop: {service: cart}}]\n")
    (tmp_path / "route.yaml").write_text('version: 1\nroutes: [{match: {service: pay*}, channel: "#pay"}]\n')
    (tmp_path / "hush.yaml").write_text(
        "version: 1\nsilences:\n"
        " - {id: a, match: {service: '*a*'}, until: 2025-11-22T00:00:00Z, author: a, reason: b}\n"
    )
    return tmp_path


def compared(place: Path, *arguments: str, **env: str) -> list[str]:
    """What a comparison prints, without the fingerprints."""
    done = cali("replay", "app.ndjson", "--dry-run", *arguments, cwd=place, **env)
    assert 0 == done.returncode, done.stderr
    out = [f"  {line.split(maxsplit=1)[1]}" if line.startswith("  ") else line for line in done.stdout.splitlines()]
    return [line.split(" messages would")[0] if "would have been sent" in line else line for line in out]


def test_new_rules_are_compared_with_none(place: Path) -> None:
    """Both runs see all records; faults that nobody would be told of any more are named, and nothing is written."""
    out = compared(place, "--rules", "drop.yaml")
    before, after = (int(line.split()[-1]) for line in out[:2])

    assert "against no rules: " in out[0]
    assert out[1].startswith("with drop.yaml (version ")
    assert before > after
    assert [
        f"difference: {after - before:+d} messages, +0 faults newly seen, -1 no longer told, 0 told elsewhere",
        "no longer told:",
        "  cart: the disk of <*> is full",
        "6 records read; 6 pieces: 6 alarming, 0 below WARN, 0 rejected",
    ] == [line.replace("disk of cart", "disk of <*>") for line in out[2:]]
    assert ["app.ndjson", "drop.yaml", "hush.yaml", "route.yaml"] == sorted(path.name for path in place.iterdir())


def test_new_rules_are_compared_with_those_in_force_or_with_others(place: Path) -> None:
    """Without --against the file of the settings counts; faults in another channel are told with both."""
    for out in (
        compared(place, "--rules", "route.yaml", CALI_RULES__PATH="drop.yaml"),
        compared(place, "--rules", "route.yaml", "--against", "drop.yaml"),
    ):
        assert out[0].startswith("against drop.yaml (version ")
        assert out[2].endswith(" messages, +1 faults newly seen, +0 no longer told, 1 told elsewhere")
        assert ["newly seen:", "told elsewhere:"] == [line for line in out[3:] if line.endswith(":")]
        assert [line for line in out if line.startswith("  payment:")][0].endswith(": the default channel -> #pay")  # noqa: RUF015


def test_a_silence_goes_by_the_time_of_the_records(place: Path) -> None:
    """One that is long over silences records of its time, as it would have done then."""
    assert compared(place, "--rules", "hush.yaml")[2].endswith(
        "+0 faults newly seen, -2 no longer told, 0 told elsewhere"
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--rules", "drop.yaml"), "--rules compares messages and sends none: give --dry-run as well"),
        (("--dry-run", "--against", "drop.yaml"), "--against compares with the file of --rules: give that as well"),
        (
            ("--dry-run", "--rules", "none.yaml"),
            "'none.yaml': cannot be read (No such file or directory): give the path of a file that can",
        ),
        (
            ("--dry-run", "--rules", "drop.yaml", "--against", "app.ndjson"),
            "'app.ndjson': line 2: not YAML: did not find expected <document start>",
        ),
    ],
)
def test_wrong_options_are_told(arguments: tuple[str, ...], problem: str, place: Path) -> None:
    """Exit status 2 and one line that says what to do."""
    done = cali("replay", "app.ndjson", *arguments, cwd=place)
    assert (2, f"cali replay: {problem}\n") == (done.returncode, done.stderr)


def message(number: int, channel: str = "", **changes: Any) -> Any:
    """As much of an alert as the comparison looks at."""
    about = {"fingerprint": f"{number:032x}", "service": "api", "template": f"fault {number}"}
    return {**about, "reason": "first", "channel": channel, "lines": [], **changes}


def test_a_line_of_a_digest_tells_of_its_fault() -> None:
    """A fault that moves from a message into a digest is told as before."""
    digest = message(0, reason="digest", lines=[message(1), message(2)])
    found = difference([message(1), message(3)], [digest, message(3, "#x")])

    assert (0, 1, []) == (found.messages, len(found.newly), found.no_longer)
    assert ["000000000000 api: fault 2"] == found.newly
    assert ["000000000000 api: fault 3: the default channel -> #x"] == found.elsewhere


def test_long_lists_are_cut() -> None:
    """Twenty faults are named, the rest is a number."""
    out = list(lines("a", [], "b", [message(number) for number in range(23)]))
    assert "difference: +23 messages, +23 faults newly seen, +0 no longer told, 0 told elsewhere" == out[2]
    assert ["newly seen:", "  and 3 more", 25] == [out[3], out[-1], len(out)]
