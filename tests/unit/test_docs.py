"""The documents say what the code does: generated parts, links, names and commands are compared, and snippets run."""

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from dataflows.cli import app
from dataflows.render.catalogue import Texts
from dataflows.render.texts_en import EN
from dataflows.render.texts_ko import KO
from dataflows.settings import PREFIX, Settings, variables

ROOT = Path(__file__).resolve().parents[2]
ENGLISH, KOREAN = ROOT / "README.md", ROOT / "README.ko.md"
DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "runbooks/README.md"]
SCRIPT = "run scripts/{}.py and look at what it changed"

_LINK = re.compile(r"\[[^\]]*\]\((?!https?://|#)(?P<path>[^)#\s]+)")
_BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_RUN = re.compile(r"^<!-- run -->\n```bash\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_OUTPUT = re.compile(r"^<!-- output -->\n```text\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ ", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|`)cali (?P<words>[a-z][^`\n|>]*)", re.MULTILINE)
_VARIABLE = re.compile(r"\bCALI_[A-Z0-9_]+\b")
_METRIC = re.compile(r"\bcali_[a-z0-9_]+\b")
_PATH = re.compile(
    r"(?<![\w./:@{}<>$-])"
    r"(?:airflow|benchmarks|connectors|dataflows|docs|fluent-bit|k8s|rag|runbooks|scripts|terraform|tests|\.ci|\.github)"
    r"/[\w.*/-]*[\w*/]",
    re.ASCII,
)
_TEST = re.compile(r"`(?P<file>test_\w+\.py)(?:::(?P<name>\w+))?`")
_SETTING = re.compile(r"^# (?P<line>CALI_\w+=.+)$", re.MULTILINE)

MADE_BY_READERS = re.compile(r"\.tfvars$|\.hcl$|^k8s/overlays/\w+-release$|\bNAME\b")
"""Paths that a page says how to make, and that stand for any of their kind."""

by_name = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def _script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / f"{name}.py"))


def _blocks(page: Path) -> list[str]:
    """Code blocks, without what is said of them in comments."""
    return [re.sub(r" +# .*$", "", block["text"], flags=re.MULTILINE) for block in _BLOCK.finditer(_read(page))]


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "README.ko.md", "docs/architecture.md", "docs/metrics.md"])
def test_generated_parts_are_what_the_code_makes(page: str) -> None:
    """The diagrams come from the page of the dataflow and the metrics from their declarations."""
    text = _read(ROOT / page)
    assert "<!-- generated: " in text
    assert _script("generated_docs")["filled"](text) == text, SCRIPT.format("generated_docs")


def test_env_example_lists_every_setting() -> None:
    """`.env.example` is what the settings say of themselves."""
    assert _script("env_example")["render"]() == _read(ROOT / ".env.example"), SCRIPT.format("env_example")


def test_env_example_changes_nothing_when_copied() -> None:
    """Every line is a comment or empty."""
    assert [] == [line for line in _read(ROOT / ".env.example").splitlines() if line and not line.startswith("#")]


def test_env_example_uncommented_is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each shown value is spelled so that it is read back as the default."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    lines = [found["line"] for found in _SETTING.finditer(_read(ROOT / ".env.example"))]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    given = Settings()
    (tmp_path / ".env").unlink()
    assert len([default for _, _, default in variables() if default not in {None, ""}]) == len(lines)
    assert Settings() == given


def test_env_example_holds_no_secret() -> None:
    """A secret has no default, so its line ends at the equals sign."""
    shown = [found["line"].partition("=")[0] for found in _SETTING.finditer(_read(ROOT / ".env.example"))]
    assert [] == [name for name in shown if name.endswith(("KEY", "TOKEN", "PASSWORD", "WEBHOOK_URL"))]


@by_name
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file or folder of the repository."""
    linked = [found["path"] for found in _LINK.finditer(_read(page))]
    assert [] == [path for path in linked if not (page.parent / path).exists()]


@by_name
def test_paths_exist(page: Path) -> None:
    """Every path of the repository that a document names leads somewhere, also in code blocks and with wildcards."""
    named = {path.rstrip("/") for path in _PATH.findall(_read(page)) if not MADE_BY_READERS.search(path)}
    assert [] == [path for path in sorted(named) if not any(ROOT.glob(path)) and not (page.parent / path).exists()]


@by_name
def test_tests_exist(page: Path) -> None:
    """Every test file that a document names is there, and the test that it names stands in it."""
    named = [(found["file"], found["name"]) for found in _TEST.finditer(_read(page))]
    texts = {file: [_read(path) for path in (ROOT / "tests").rglob(file)] for file, _ in named}
    assert [] == [
        (file, name) for file, name in named if not any(f"def {name}(" in text or not name for text in texts[file])
    ]


@by_name
def test_commands_exist(page: Path) -> None:
    """Every `cali` command and option that a document names is one that the program has."""
    assert [] == [error for found in _COMMAND.finditer(_read(page)) for error in _unknown(found["words"].split())]


def _unknown(words: list[str]) -> Iterator[str]:
    command = typer.main.get_command(app)
    rest = iter(words)
    while isinstance(command, TyperGroup):
        word = next(rest, "").rstrip(".,:;")
        if word not in command.commands:
            if word in {"is", ""}:  # prose: `cali` stands alone
                return
            yield f"cali {' '.join(words)}: no command {word!r}"
            return
        command = command.commands[word]
    known = {"--help", *(option for parameter in command.params for option in parameter.opts)}
    yield from (f"cali {' '.join(words)}: no option {word}" for word in rest if word[:1] == "-" and word not in known)


@by_name
def test_variables_exist(page: Path) -> None:
    """Every `CALI_` variable that a document names is a setting."""
    known = {name for name, _, _ in variables()} | {PREFIX}
    assert [] == [name for name in _VARIABLE.findall(_read(page)) if name not in known]


@by_name
def test_metrics_exist(page: Path) -> None:
    """Every metric that a document names is declared."""
    known = set(_METRIC.findall(_script("generated_docs")["metrics"]()))
    assert [] == [name for name in _METRIC.findall(_read(page)) if name not in known]


@pytest.mark.slow
def test_readme_snippets_run_and_print_what_it_shows(tmp_path: Path) -> None:
    """What the README runs works in an empty folder, and what it shows is real output."""
    text = _read(ENGLISH)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    shown = [block["text"] for block in _OUTPUT.finditer(text)]
    ran = [
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block["text"]],
            cwd=tmp_path,
            env={**clean, "PATH": path, "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout.decode()
        for block in _RUN.finditer(text)
    ]
    assert len(shown) == len(ran) == 1
    assert shown[0] == ran[0][: len(shown[0])], "paste the new output into README.md and README.ko.md"


def test_both_readmes_have_the_same_parts() -> None:
    """The Korean README has the headings, code blocks, links and commands of the English one; a page may be Korean."""
    english, korean = _read(ENGLISH), _read(KOREAN).replace("(docs/ko/", "(docs/")
    assert _HEADING.findall(english) == _HEADING.findall(korean)
    assert _blocks(ENGLISH) == _blocks(KOREAN)
    for found in (_LINK, _VARIABLE, _COMMAND):
        other = {"README.md", "README.ko.md", "CALI_LANGUAGE"}  # each links to the other; Korean says how to get Korean
        assert set(found.findall(english)) - other == set(found.findall(korean)) - other


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that does something, without the name of the program."""
    if not isinstance(command, TyperGroup):
        yield " ".join(words)
        return
    for name, inner in command.commands.items():
        yield from _commands(inner, (*words, name))


@pytest.mark.parametrize("page", [ENGLISH, KOREAN], ids=lambda page: page.name)
def test_the_readme_names_every_command(page: Path) -> None:
    """The table of commands is whole."""
    text = _read(page)
    commands = list(_commands(typer.main.get_command(app)))
    assert [] == [words for words in commands if not re.search(rf"`(?:cali )?{words}\b", text)]


def test_the_readmes_lead_to_every_page() -> None:
    """Each page of docs is linked, in Korean where it is there in Korean."""
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    korean = {path.name for path in (ROOT / "docs/ko").glob("*.md")}
    links = set(_LINK.findall(_read(KOREAN)))
    assert [] == sorted(f"docs/{name}" for name in pages if f"docs/{name}" not in _LINK.findall(_read(ENGLISH)))
    assert [] == sorted(f"docs/ko/{name}" for name in korean if f"docs/ko/{name}" not in links)
    assert [] == sorted(f"docs/{name}" for name in korean if f"docs/{name}" in links), "there is a Korean page"


@pytest.mark.parametrize(("page", "texts"), [("docs/slack.md", EN), ("docs/ko/slack.md", KO)])
def test_the_page_on_slack_speaks_the_words_of_the_cards(page: str, texts: Texts) -> None:
    """What is read on a card is found on the page for people on call, in the card's language."""
    ours = (texts.new_fault, texts.again, texts.related, texts.nothing_found, texts.not_asked, texts.not_yet)
    said = " ".join(_read(ROOT / page).split()).lower()
    assert [] == [words for words in ours if words.split("; ")[-1].lower() not in said]


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_decisions_have_their_parts(page: Path) -> None:
    """A decision tells context, options, outcome, cost, and how it would be noticed to be wrong; the index lists it."""
    parts = ["Context", "Options", "Outcome", "What it costs", "How we would notice that it was wrong"]
    assert parts == re.findall(r"^## (.+)$", _read(page), re.MULTILINE)
    assert f"# {page.stem[:4]}: " == _read(page)[:8]
    assert f"({page.name})" in _read(page.parent / "README.md")


def test_decisions_are_numbered_without_gaps() -> None:
    """Numbers tell the order in which things were decided."""
    assert [f"{number:04d}" for number in range(1, len(DECISIONS) + 1)] == [page.stem[:4] for page in DECISIONS]
