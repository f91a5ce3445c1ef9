"""The DAGs, imported and run by Airflow itself, in processes of its own: it wants a home before it is imported."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("airflow") is None or importlib.util.find_spec("airflow").origin is None:  # type: ignore[union-attr]
    pytest.skip("Airflow is not installed: run `make test-airflow`", allow_module_level=True)

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
_DESCRIBE = """
import json
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
told = {
    dag.dag_id: {
        task.task_id: [type(task).__name__, task.retries, sorted(task.downstream_task_ids), bool(task.start_date)]
        for task in dag.tasks
    }
    for dag in bag.dags.values()
}
print("DAGS " + json.dumps({"errors": list(bag.import_errors.values()), "dags": told}))
"""


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an empty database, which takes twelve seconds to make."""
    folder = tmp_path_factory.mktemp("airflow-migrated")
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, env=_environment(folder), check=True, capture_output=True)
    return folder


@pytest.fixture
def home(migrated: Path, tmp_path: Path) -> dict[str, str]:
    """Airflow's environment, with a database of its own."""
    folder = tmp_path / "airflow"
    shutil.copytree(migrated, folder)
    configuration = folder / "airflow.cfg"  # names the folder that it was made for
    configuration.write_text(configuration.read_text("utf-8").replace(str(migrated), str(folder)), "utf-8")
    return _environment(folder)


def _environment(folder: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "CALI_"))},
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",  # a busy machine
        "PYTHONPATH": os.pathsep.join([str(ROOT / "airflow"), str(ROOT)]),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }


def _described(env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", _DESCRIBE], env=env, capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("DAGS ")]
    found: dict[str, Any] = json.loads(line.removeprefix("DAGS "))
    return found


@pytest.mark.parametrize(("run", "kind"), [("pod", "KubernetesPodOperator"), ("local", "BashOperator")])
def test_the_dags_import_and_say_what_follows_what(home: dict[str, str], run: str, kind: str) -> None:
    """No import error; in the cluster each step is a pod, else a command; a verdict is not tried again."""
    found = _described({**home, "AIRFLOW__CALI__RUN": run})
    wait = "TimeDeltaSensor"
    assert [] == found["errors"]
    assert {
        "data_quality_check": {
            "settled": [wait, 3, ["check"], True],
            "check": [kind, 3, ["tell"], True],
            "tell": [kind, 3, ["verdict"], True],
            "verdict": [kind, 0, [], True],
        },
        "log_aggregation": {"settled": [wait, 3, ["aggregate"], True], "aggregate": [kind, 3, [], True]},
        "log_aggregation_daily": {
            "settled": [wait, 3, ["aggregate_day", "compact_day"], True],
            "aggregate_day": [kind, 3, [], True],
            "compact_day": [kind, 3, [], True],
        },
    } == found["dags"]


def _tested(env: dict[str, str], dag: str, archive: Any, end: int = 10) -> "subprocess.CompletedProcess[str]":
    """`airflow dags test` of the hour that ends at `end`; its steps are local commands on the emulator."""
    config = archive.settings.s3
    more = {
        "AIRFLOW__CALI__RUN": "local",
        "AIRFLOW__CALI__PYTHON": sys.executable,
        "CALI_S3__BUCKET": config.bucket,
        "CALI_S3__ENDPOINT_URL": str(config.endpoint_url),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    command = [sys.executable, "-m", "airflow", "dags", "test", dag, f"2026-11-21T{end:02}:00:00+00:00"]
    return subprocess.run(
        command, env={**env, **more}, cwd=env["AIRFLOW_HOME"], capture_output=True, text=True, check=False
    )


@pytest.mark.timeout(300)
def test_a_clean_hour_runs_through(home: dict[str, str], clean: Any) -> None:
    """Checked, nothing told, judged good: the run succeeds, and the result is in the bucket."""
    done = _tested(home, "data_quality_check", clean)
    assert 0 == done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
    result = clean.json("quality/date=2026-11-21/hour=09/result.json")
    assert (True, "2026-11-21T09") == (result["passed"], result["hour"])


@pytest.mark.timeout(300)
def test_a_bad_hour_is_told_and_fails_the_run(home: dict[str, str], archive: Any) -> None:
    """An empty hour: the message is posted (here to the terminal), and the run ends as failed."""
    done = _tested(home, "data_quality_check", archive, end=4)
    told = archive.json("quality/date=2026-11-21/hour=03/told.json")
    assert (True, {"checks": ["records"]}) == (done.returncode != 0, told)


@pytest.mark.timeout(300)
def test_an_hour_is_rolled_up(home: dict[str, str], clean: Any) -> None:
    """The three tables of the hour are in the bucket."""
    done = _tested(home, "log_aggregation", clean)
    assert 0 == done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
    tables = [key.split("/")[2] for key in clean.keys("rollups/hourly/")]
    assert ["counts", "dead_letters", "faults"] == tables
