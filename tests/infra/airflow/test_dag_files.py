"""The DAG files as `make check` sees them, where Airflow is not installed: they run, with stand-ins for its names.

What Airflow itself makes of them is in tests/airflow (`make test-airflow`).
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "airflow"
FILES = sorted((FOLDER / "dags").glob("*.py"))
NAMES = {
    "airflow.sdk": ("BaseOperator", "CronDataIntervalTimetable", "Param", "dag"),
    "airflow.sdk.configuration": ("conf",),
    "airflow.providers.cncf.kubernetes.operators.pod": ("KubernetesPodOperator",),
    "airflow.providers.standard.operators.bash": ("BashOperator",),
    "airflow.providers.standard.sensors.time_delta": ("TimeDeltaSensor",),
    "kubernetes.client": ("models",),
}
"""What Airflow 3.3 and its providers have, as far as it is used. A DAG that takes more adds it here; whether it is
there is told by `make test-airflow`."""
COMMANDS = ("aggregate", "check", "compact", "tell", "verdict")


class Anything:
    """Stands for an object of Airflow: it is called, asked and ordered, and remembers what it was called with."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    def __call__(self, *_: Any, **settings: Any) -> "Anything":
        self.made.append(settings)
        return Anything()

    def __getattr__(self, name: str) -> "Anything":
        return Anything()

    def __rshift__(self, after: "Anything") -> "Anything":
        return after


class Conf:
    """Airflow's options, as far as they are set."""

    given: ClassVar[dict[str, str]] = {}

    @classmethod
    def get(cls, section: str, key: str, fallback: str) -> str:
        assert "cali" == section, key
        return cls.given.get(key, fallback)


class Dag:
    """`@dag(...)`: a function whose body runs when it is called."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def __call__(self, function: Callable[[], None]) -> Callable[[], None]:
        assert {"schedule", "start_date", "catchup"} <= set(self.settings), function.__name__
        return function


@pytest.fixture
def pods(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Modules of Airflow that have just the names above; gives the settings of the pods that were asked for."""
    operator = Anything()
    given: dict[str, Any] = {"dag": Dag, "conf": Conf, "KubernetesPodOperator": operator}
    for path, names in NAMES.items():
        parts = path.split(".")
        for name in (".".join(parts[:depth]) for depth in range(1, len(parts) + 1)):
            if name == path or name not in NAMES:
                module = ModuleType(name)
                module.__path__ = []
                monkeypatch.setitem(sys.modules, name, module)
        for one in names:
            setattr(sys.modules[path], one, given.get(one, Anything()))
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "cali_steps", raising=False)
    yield operator.made
    sys.modules.pop("cali_steps", None)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dag_file_runs(file: Path, pods: list[dict[str, Any]]) -> None:
    """Every name is known and every import is there; each step is a command of `archive_jobs` with its hour or day."""
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), {"__name__": file.stem, "__doc__": ""})  # noqa: S102 - as Airflow does
    words = [made["arguments"] for made in pods]
    assert words, file.name
    assert [] == [one for one in words if one[0] not in COMMANDS or one[1] not in {"--hour", "--day"}]


@pytest.mark.parametrize(
    ("given", "more"),
    [({}, []), ({"check_options": "--silent-records 500 --pushgateway 'http://a b'"}, ["--silent-records", "500"])],
    ids=["none", "some"],
)
def test_options_of_the_check_reach_it(
    pods: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, given: dict[str, str], more: list[str]
) -> None:
    """What `[cali] check_options` says is given to `check` and to nothing else, in words as a shell has them."""
    for name, value in given.items():
        monkeypatch.setitem(Conf.given, name, value)
    (file,) = [one for one in FILES if one.stem == "data_quality_check"]
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), {"__name__": file.stem, "__doc__": ""})  # noqa: S102 - as Airflow does
    assert {"check": [*more, *(["--pushgateway", "http://a b"] if given else [])], "tell": [], "verdict": []} == {
        made["arguments"][0]: made["arguments"][3:] for made in pods
    }


def test_the_files_are_there() -> None:
    """Two of them: quality and roll-ups."""
    assert ["data_quality_check", "log_aggregation"] == [file.stem for file in FILES]
