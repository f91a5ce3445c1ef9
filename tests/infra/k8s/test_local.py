"""The stand-ins of overlays/local: their commands run, as they are in the manifest, and hold what CALI asks for."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

pytestmark = pytest.mark.slow

PREPARE = Path(__file__).resolve().parents[3] / "k8s" / "overlays" / "local" / "prepare.py"


def test_stream_and_bucket_are_made_once(moto: str, unique: str) -> None:
    """`prepare` makes both, and does nothing the second time."""
    region = os.environ["AWS_DEFAULT_REGION"]
    env = {
        **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
        "AWS_REGION": region,
        "CALI_KINESIS__ENDPOINT_URL": moto,
        "CALI_S3__ENDPOINT_URL": moto,
        "CALI_KINESIS__STREAM": unique,
        "CALI_S3__BUCKET": unique,
    }
    told = [
        subprocess.run([sys.executable, str(PREPARE)], env=env, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    shards = boto3.client("kinesis", endpoint_url=moto).list_shards(StreamName=unique)["Shards"]

    assert ["", f"the stream {unique} is there\nthe bucket {unique} is there\n"] == told
    assert 2 == len(shards)
    boto3.client("s3", endpoint_url=moto).head_bucket(Bucket=unique)


def test_each_program_of_the_stand_ins_is_installed(render: Any) -> None:
    """What the containers start answers to --help, or names its options, in an environment with the extra `demo`."""
    containers = render("overlays/local").one("Deployment", "cali-stand-ins")["spec"]["template"]["spec"]["containers"]
    bin_folder = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    said = {}
    for container in containers:
        if container["name"] == "prepare":
            continue
        command = [part.replace("-addr 0.0.0.0:9200 -no-stdin-watch", "-help") for part in container["command"]]
        if container["name"] != "search":
            command = [*command[: 3 if container["name"] == "aws" else 2], "--help"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        said[container["name"]] = done.stdout + done.stderr

    assert {"aws": True, "search": True, "milvus": True} == {
        "aws": "--port" in said["aws"],
        "search": "-no-stdin-watch" in said["search"],
        "milvus": "--data-dir" in said["milvus"],
    }
