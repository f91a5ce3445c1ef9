# ruff: noqa: INP001 - DAG files are no package: the installed `airflow` must not be shadowed
"""One step of a DAG: `archive_jobs` in a pod of CALI's image, or on the worker itself where a variable says so.

The variable is Airflow's option `[cali] run` (`AIRFLOW__CALI__RUN=local`), which costs no database access: `pod`, the
default, or `local`, for which `[cali] python` names a Python that has CALI and requirements-jobs.txt.
"""

from datetime import timedelta
from shlex import quote, split
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import BaseOperator, Param
from airflow.sdk.configuration import conf
from kubernetes.client import models as k8s

SETTLED = timedelta(minutes=20)
"""After the end of an hour: uploads follow 10 to 20 seconds after a record is read; the rest is for a short outage."""
DEFAULTS: dict[str, Any] = {
    "owner": "cali",
    "retries": 3,
    "retry_delay": timedelta(minutes=2),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=30),
    "execution_timeout": timedelta(minutes=15),
}
HOUR_PARAM = {"hour": Param("", type="string", pattern=r"^(\d{4}-\d\d-\d\dT\d\d)?$")}
"""A run by hand may name its hour, such as `2026-11-21T09`; the pattern keeps everything else out of the command."""
CHECK_OPTIONS = split(conf.get("cali", "check_options", fallback=""))
"""Options of every `check`, such as its limits and `--pushgateway URL`: docs/data_quality.md."""
_RESOURCES = k8s.V1ResourceRequirements(
    requests={"cpu": "500m", "memory": "1Gi"}, limits={"cpu": "1", "memory": "1536Mi"}
)
"""100,000 records took less than half of the memory: docs/data_quality.md."""


def step(task_id: str, *arguments: str, retries: int | None = None) -> BaseOperator:
    """One run of `python -m archive_jobs`; arguments may be Jinja templates. The pod is gone when it ends well."""
    more: dict[str, Any] = {} if retries is None else {"retries": retries}
    if conf.get("cali", "run", fallback="pod") == "local":
        python = conf.get("cali", "python", fallback="python")
        quoted = (word if "{{" in word else quote(word) for word in arguments)  # what templates give needs none
        words = [quote(python), "-m", "archive_jobs", *quoted]
        return BashOperator(task_id=task_id, bash_command=" ".join(words), append_env=True, **more)
    return KubernetesPodOperator(
        task_id=task_id,
        name=f"cali-{task_id}".replace("_", "-"),
        namespace=conf.get("cali", "namespace", fallback="cali"),
        image=conf.get("cali", "image", fallback="cali-archive-jobs:latest"),
        cmds=["/venv/bin/python", "-m", "archive_jobs"],
        arguments=list(arguments),
        env_from=[
            k8s.V1EnvFromSource(
                config_map_ref=k8s.V1ConfigMapEnvSource(name=conf.get("cali", "settings", fallback="cali-archive-jobs"))
            ),
            k8s.V1EnvFromSource(
                secret_ref=k8s.V1SecretEnvSource(name=conf.get("cali", "secrets", fallback="cali-secrets"))
            ),
        ],
        service_account_name=conf.get("cali", "service_account", fallback="cali-archive-jobs"),
        container_resources=_RESOURCES,
        security_context={"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        container_security_context={
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        volumes=[k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource(size_limit="256Mi"))],
        volume_mounts=[k8s.V1VolumeMount(name="tmp", mount_path="/tmp")],  # noqa: S108 - the image's HOME
        labels={"app.kubernetes.io/part-of": "cali", "app.kubernetes.io/component": "archive-jobs"},
        automount_service_account_token=False,
        in_cluster=True,
        deferrable=True,
        do_xcom_push=False,
        get_logs=True,
        on_finish_action="delete_succeeded_pod",
        startup_timeout_seconds=600,
        **more,
    )
