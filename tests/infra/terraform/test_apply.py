"""A developer's first day: terraform/local applied to an emulator for real, and what boto3 then finds there."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from connectors.errors import TerminalError
from connectors.kinesis import KinesisConfig
from connectors.kinesis.client import KinesisClient
from connectors.s3 import S3Config, probe

LOCAL = Path(__file__).parents[3] / "terraform" / "local"
ACCOUNT = "123456789012"  # moto's
REGION = "us-east-1"
_APPLY = ("apply", "-auto-approve", "-input=false", "-no-color")
pytestmark = [pytest.mark.infra, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def endpoint(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Moto on loopback: Kinesis, S3, IAM, KMS and Secrets Manager in one."""
    port = servers.free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with servers.serving(command, port, tmp_path_factory.mktemp("moto") / "moto.log") as url:
        yield url


@pytest.fixture(scope="module")
def applied(
    endpoint: str, real_provider: Path | None, in_folder: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """terraform/local, applied."""
    terraform = in_folder(LOCAL, tmp_path_factory.mktemp("local"), real_provider)
    (terraform.tree / "moto.auto.tfvars.json").write_text(json.dumps({"endpoint": endpoint, "account_id": ACCOUNT}))
    terraform.run(*_APPLY)
    return terraform


@pytest.fixture
def aws(applied: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A client of a service as the provider saw it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return lambda service: boto3.session.Session().client(service, endpoint_url=endpoint, region_name=REGION)


def _key(aws: Callable[[str], Any], name: str) -> Any:
    return aws("kms").describe_key(KeyId=f"alias/cali-local-{name}")["KeyMetadata"]


def test_the_stream_is_there_encrypted_and_readable(aws: Callable[[str], Any], endpoint: str) -> None:
    """Name, shards, retention and key; and CALI's own client reads it."""
    found = aws("kinesis").describe_stream_summary(StreamName="cali-log-stream")["StreamDescriptionSummary"]
    assert (2, 24, "ACTIVE") == (found["OpenShardCount"], found["RetentionPeriodHours"], found["StreamStatus"])
    assert ("KMS", _key(aws, "stream")["Arn"]) == (found["EncryptionType"], found["KeyId"])
    client = KinesisClient(KinesisConfig(stream="cali-log-stream", region=REGION, endpoint_url=endpoint))
    assert 2 == len(client.list_shards())


def test_the_bucket_is_closed_encrypted_versioned_and_writable(aws: Callable[[str], Any], endpoint: str) -> None:
    """What the module promises, asked of S3; and CALI's own check passes."""
    s3 = aws("s3")
    rule = s3.get_bucket_encryption(Bucket="cali-logs")["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": _key(aws, "bucket")["Arn"]} == rule[
        "ApplyServerSideEncryptionByDefault"
    ]
    assert "Enabled" == s3.get_bucket_versioning(Bucket="cali-logs")["Status"]
    blocked = s3.get_public_access_block(Bucket="cali-logs")["PublicAccessBlockConfiguration"]
    assert {True} == set(blocked.values())
    probe(S3Config(bucket="cali-logs", region=REGION, endpoint_url=endpoint))


def test_the_life_cycle_is_that_of_each_prefix(aws: Callable[[str], Any]) -> None:
    """Days and storage classes as the README has them."""
    rules = {rule["ID"]: rule for rule in aws("s3").get_bucket_lifecycle_configuration(Bucket="cali-logs")["Rules"]}
    assert {"archive": 400, "dead-letters": 180, "replayed": 180, "check": 1} == {
        name: rule["Expiration"]["Days"] for name, rule in rules.items() if name != "remains"
    }
    assert [(30, "STANDARD_IA"), (90, "GLACIER_IR")] == sorted(
        (step["Days"], step["StorageClass"]) for step in rules["archive"]["Transitions"]
    )
    assert 7 == rules["remains"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]


def test_secrets_have_names_and_no_values(aws: Callable[[str], Any]) -> None:
    """A secret waits for its value; until then there is none to read."""
    client = aws("secretsmanager")
    found = {secret["Name"]: secret["KmsKeyId"] for secret in client.list_secrets()["SecretList"]}
    names = [
        "cali/local/milvus",
        "cali/local/openai",
        "cali/local/opensearch",
        "cali/local/redaction",
        "cali/local/slack",
    ]
    assert dict.fromkeys(names, _key(aws, "secrets")["Arn"]) == found
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_secret_value(SecretId="cali/local/slack")


def test_the_roles_are_there_with_their_policies(aws: Callable[[str], Any]) -> None:
    """IAM took the documents, and gives back what the plan said."""
    iam = aws("iam")
    for role in ("dataflow", "fluent-bit", "archive-jobs", "external-secrets"):
        assert f"cali-local-{role}" == iam.get_role(RoleName=f"cali-local-{role}")["Role"]["RoleName"]
    policy = iam.get_role_policy(RoleName="cali-local-fluent-bit", PolicyName="what-it-calls")["PolicyDocument"]
    assert [
        (["kinesis:PutRecords"], [f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/cali-log-stream"]),
        (["kms:GenerateDataKey"], [_key(aws, "stream")["Arn"]]),
    ] == [(statement["Action"], statement["Resource"]) for statement in policy["Statement"]]


def test_keys_rotate(aws: Callable[[str], Any]) -> None:
    """Each of the three keys."""
    for name in ("stream", "bucket", "secrets"):
        assert aws("kms").get_key_rotation_status(KeyId=_key(aws, name)["KeyId"])["KeyRotationEnabled"]


def test_a_second_plan_changes_nothing(applied: Any) -> None:
    """What was made is what was asked for: nothing drifts by itself (exit code 0 means no difference)."""
    applied.run("plan", "-detailed-exitcode", "-input=false", "-no-color")


def test_with_the_clouds_policy_plain_http_is_denied(applied: Any, aws: Callable[[str], Any], endpoint: str) -> None:
    """The policy arrives whole, and then nothing is written over HTTP (moto heeds the denial, if not its condition)."""
    applied.run(*_APPLY, "-var=require_tls=true")
    statements = json.loads(aws("s3").get_bucket_policy(Bucket="cali-logs")["Policy"])["Statement"]
    assert ["DenyPlainHttp", "DenyOldTls", "DenyOtherEncryption"] == [statement["Sid"] for statement in statements]
    with pytest.raises(TerminalError, match="403"):
        probe(S3Config(bucket="cali-logs", region=REGION, endpoint_url=endpoint))


def test_the_settings_printed_are_settings(applied: Any, endpoint: str) -> None:
    """`terraform output -raw env` is lines of `.env`."""
    lines = dict(line.split("=", 1) for line in applied.run("output", "-raw", "env").splitlines())
    assert ("cali-log-stream", "cali-logs", endpoint) == (
        lines["CALI_KINESIS__STREAM"],
        lines["CALI_S3__BUCKET"],
        lines["CALI_KINESIS__ENDPOINT_URL"],
    )
