"""What the files of airflow/ say of the same thing is the same."""

import configparser
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "airflow"
VALUES: dict[str, Any] = yaml.safe_load((FOLDER / "values.yaml").read_text(encoding="utf-8"))


def _options() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(FOLDER / "config" / "airflow.cfg", encoding="utf-8")
    return parser


def test_options_are_those_that_the_steps_read() -> None:
    """Each option of `[cali]` is read with the default that the file shows; the chart sets no other."""
    text = (FOLDER / "cali_steps.py").read_text(encoding="utf-8")
    read = dict(re.findall(r'conf\.get\("cali", "(\w+)", fallback="([^"]*)"\)', text))
    assert dict(_options()["cali"]) == read
    assert set() == set(VALUES["config"]["cali"]) - set(read)


def test_the_account_of_the_pods_is_made() -> None:
    """Account and namespace that the chart's DAGs ask for are those of rbac.yaml, and Terraform's role trusts them."""
    account = next(yaml.safe_load_all((FOLDER / "rbac.yaml").read_text(encoding="utf-8")))
    named = (account["metadata"]["namespace"], account["metadata"]["name"])
    assert named == (VALUES["config"]["cali"]["namespace"], VALUES["config"]["cali"]["service_account"])
    trusted = (ROOT / "terraform" / "modules" / "iam" / "variables.tf").read_text(encoding="utf-8")
    assert ("cali", "cali-archive-jobs") == named
    assert re.search(r'archive-jobs\s+= \{ namespace = "cali", name = "cali-archive-jobs" \}', trusted)


def test_airflow_has_one_version() -> None:
    """Requirements, image and chart name the same release."""
    (version,) = re.findall(r"^apache-airflow==(\S+)$", (FOLDER / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    assert version == VALUES["airflowVersion"]
    assert f"{version}-python3.12" == VALUES["defaultAirflowTag"]
    assert f"AIRFLOW_IMAGE=apache/airflow:{version}-python3.12" in (FOLDER / "Dockerfile").read_text("utf-8")


def test_git_sync_follows_the_branch_that_the_workflow_moves() -> None:
    """The chart reads the folder airflow/ of a branch that only tested commits reach."""
    sync = VALUES["dags"]["gitSync"]
    workflow = (ROOT / ".github" / "workflows" / "airflow-dags.yml").read_text(encoding="utf-8")
    assert ("airflow", True) == (sync["subPath"], f"refs/heads/{sync['branch']}" in workflow)
