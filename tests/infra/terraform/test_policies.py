"""What the roles may do, read from a plan: the documents that AWS would get."""

import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

IAM = Path(__file__).parents[3] / "terraform" / "modules" / "iam"
STREAM = "arn:aws:kinesis:ap-northeast-2:123456789012:stream/cali-log-stream"
BUCKET = "arn:aws:s3:::cali-test-logs"
DOMAIN = "arn:aws:es:ap-northeast-2:123456789012:domain/cali-test"
SECRET = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:cali/test/slack-AbCdEf"
KEYS = {name: f"arn:aws:kms:ap-northeast-2:123456789012:key/{name}" for name in ("stream", "bucket", "secrets")}
ISSUER = "oidc.eks.ap-northeast-2.amazonaws.com/id/ABC"
GIVEN = {
    "name": "cali-test",
    "account_id": "123456789012",
    "region": "ap-northeast-2",
    "oidc_provider_arn": f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}",
    "oidc_issuer_url": f"https://{ISSUER}",
    "cluster_name": "cali-test",
    "stream_arn": STREAM,
    "stream_key_arn": KEYS["stream"],
    "bucket_arn": BUCKET,
    "bucket_key_arn": KEYS["bucket"],
    "key_prefix": "prod/",
    "domain_arn": DOMAIN,
    "secret_arns": {"slack": SECRET},
    "secrets_key_arn": KEYS["secrets"],
    "github": {
        "oidc_provider_arn": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
        "subjects": ["repo:example/cali:environment:registry"],
        "repository_arns": ["arn:aws:ecr:ap-northeast-2:123456789012:repository/cali"],
    },
}
_CALLS = {
    "dataflow": [
        ("kinesis:DescribeStreamSummary", STREAM),
        ("kinesis:ListShards", STREAM),
        ("kinesis:GetShardIterator", STREAM),
        ("kinesis:GetRecords", STREAM),
        ("kms:Decrypt", KEYS["stream"]),
        ("s3:PutObject", f"{BUCKET}/prod/archive/date=2026-11-21/hour=09/cali-shardId-000000000000-1.ndjson.zst"),
        ("s3:AbortMultipartUpload", f"{BUCKET}/prod/archive/date=2026-11-21/hour=09/a.ndjson.zst"),
        ("s3:GetObject", f"{BUCKET}/prod/archive/date=2026-11-21/hour=09/a.ndjson.zst"),
        ("s3:PutObject", f"{BUCKET}/prod/dead-letters/refused=slack/1-0.ndjson.zst"),
        ("s3:GetObject", f"{BUCKET}/prod/dead-letters/date=2026-11-21/hour=09/a-0.ndjson.zst"),
        ("s3:PutObject", f"{BUCKET}/prod/replayed/dead-letters/a-0.ndjson.zst.json"),
        ("s3:GetObject", f"{BUCKET}/prod/replayed/dead-letters/a-0.ndjson.zst.json"),
        ("s3:PutObject", f"{BUCKET}/prod/check/1"),
        ("s3:DeleteObject", f"{BUCKET}/prod/check/1"),
        ("s3:ListBucket", BUCKET),
        ("kms:GenerateDataKey", KEYS["bucket"]),
        ("kms:Decrypt", KEYS["bucket"]),
        ("es:ESHttpGet", f"{DOMAIN}/"),
        ("es:ESHttpPost", f"{DOMAIN}/_bulk"),
        ("es:ESHttpPut", f"{DOMAIN}/_index_template/cali-logs"),
        ("es:ESHttpGet", f"{DOMAIN}/_plugins/_ism/policies/cali-alerts"),
        ("es:ESHttpPut", f"{DOMAIN}/_plugins/_ism/policies/cali-alerts"),
        ("es:ESHttpPost", f"{DOMAIN}/cali-alerts-*/_search"),
        ("es:ESHttpPost", f"{DOMAIN}/cali-logs-*/_refresh"),
        ("es:ESHttpPost", f"{DOMAIN}/_search/scroll"),
        ("es:ESHttpDelete", f"{DOMAIN}/_search/scroll"),
    ],
    "fluent-bit": [("kinesis:PutRecords", STREAM), ("kms:GenerateDataKey", KEYS["stream"])],
    "archive-jobs": [
        ("s3:ListBucket", BUCKET),
        ("s3:GetObject", f"{BUCKET}/prod/archive/date=2026-11-21/hour=09/a.ndjson.zst"),
        ("s3:GetObject", f"{BUCKET}/prod/dead-letters/date=2026-11-21/hour=09/a-0.ndjson.zst"),
        ("s3:GetObject", f"{BUCKET}/prod/dead-letters/refused=slack/1-0.ndjson.zst"),
        ("s3:GetObject", f"{BUCKET}/prod/quality/date=2026-11-20/hour=09/result.json"),
        ("s3:PutObject", f"{BUCKET}/prod/quality/date=2026-11-21/hour=09/told.json"),
        ("s3:GetObject", f"{BUCKET}/prod/rollups/hourly/faults/date=2026-11-20/hour=09/part-0.parquet"),
        ("s3:PutObject", f"{BUCKET}/prod/rollups/daily/faults/date=2026-11-21/part-0.parquet"),
        ("s3:PutObject", f"{BUCKET}/prod/archive/date=2026-11-20/hour=09/a-1-2.ndjson.zst"),
        ("s3:DeleteObject", f"{BUCKET}/prod/archive/date=2026-11-20/hour=09/a-1.ndjson.zst"),
        ("kms:Decrypt", KEYS["bucket"]),
        ("kms:GenerateDataKey", KEYS["bucket"]),
    ],
    "external-secrets": [
        ("secretsmanager:GetSecretValue", SECRET),
        ("secretsmanager:DescribeSecret", SECRET),
        ("kms:Decrypt", KEYS["secrets"]),
    ],
}
"""Every call that the code and the shippers make, as IAM sees it."""
_NOT = {
    "dataflow": [
        ("kinesis:PutRecords", STREAM),
        ("s3:DeleteObject", f"{BUCKET}/prod/archive/a.ndjson.zst"),
        ("s3:PutObject", f"{BUCKET}/archive/a.ndjson.zst"),
        ("s3:PutObject", f"{BUCKET}/prod/rollups/a.parquet"),
        ("es:ESHttpDelete", f"{DOMAIN}/cali-logs-2026.11.21"),
        ("es:ESHttpPut", f"{DOMAIN}/_plugins/_security/api/roles/cali"),
        ("secretsmanager:GetSecretValue", SECRET),
        ("kms:GenerateDataKey", KEYS["stream"]),
    ],
    "fluent-bit": [
        ("kinesis:GetRecords", STREAM),
        ("kms:Decrypt", KEYS["stream"]),
        ("s3:PutObject", f"{BUCKET}/prod/archive/a"),
    ],
    "archive-jobs": [
        ("s3:PutObject", f"{BUCKET}/prod/dead-letters/a"),
        ("s3:DeleteObject", f"{BUCKET}/prod/dead-letters/a"),
        ("s3:DeleteObject", f"{BUCKET}/prod/rollups/a"),
        ("s3:DeleteObject", f"{BUCKET}/prod/quality/a"),
        ("s3:PutObject", f"{BUCKET}/archive/a"),
        ("kinesis:GetRecords", STREAM),
        ("secretsmanager:GetSecretValue", SECRET),
    ],
    "external-secrets": [("secretsmanager:PutSecretValue", SECRET), ("kms:Decrypt", KEYS["stream"])],
}
"""Calls that would be harm."""


@pytest.fixture(scope="module")
def planned(
    quick_provider: Path, tmp_path_factory: pytest.TempPathFactory, in_folder: Callable[..., Any]
) -> dict[str, Any]:
    """The plan of module iam, with every ARN known."""
    return dict(in_folder(IAM, tmp_path_factory.mktemp("iam"), quick_provider).planned(GIVEN))


def _documents(planned: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for address, value in planned.items():
        if address.startswith("aws_iam_role_policy."):
            name = address.split('["')[-1].removesuffix('"]')
            found["image-push" if name == "this" else name] = json.loads(value["policy"])["Statement"]
    return found


def _allowed(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    return any(
        action in statement["Action"]
        and any(fnmatchcase(resource, pattern.replace("[", "[[]")) for pattern in statement["Resource"])
        for statement in statements
    )


@pytest.mark.parametrize("role", _CALLS)
def test_a_role_may_do_what_its_workload_calls(planned: dict[str, Any], role: str) -> None:
    """No call of the code, of Fluent Bit, of the archive jobs or of the operator is denied."""
    statements = _documents(planned)[role]
    assert [] == [call for call in _CALLS[role] if not _allowed(statements, *call)]


@pytest.mark.parametrize("role", _CALLS)
def test_a_role_may_do_nothing_that_its_workload_does_not_call(planned: dict[str, Any], role: str) -> None:
    """Every action in a policy is one that is called; and what would be harm is not allowed."""
    statements = _documents(planned)[role]
    given = {action for statement in statements for action in statement["Action"]}
    assert {action for action, _ in _CALLS[role]} == given
    assert [] == [call for call in _NOT[role] if _allowed(statements, *call)]


def test_no_statement_is_a_wildcard(planned: dict[str, Any]) -> None:
    """Actions are whole, resources end in `*` below a prefix only. AWS binds the log-in to ECR to no resource."""
    loose = [
        (role, statement["Sid"])
        for role, statements in _documents(planned).items()
        for statement in statements
        if any("*" in action for action in statement["Action"])
        or any(re.search(r"^\*|:\*|[^/-]\*$", resource) for resource in statement["Resource"])
    ]
    assert [("image-push", "LogIn")] == loose


def test_each_use_of_a_key_goes_through_its_service(planned: dict[str, Any]) -> None:
    """A stolen role cannot call KMS by itself."""
    via = {
        (role, statement["Resource"][0].rpartition("/")[2], *statement["Condition"]["StringEquals"].values())
        for role, statements in _documents(planned).items()
        for statement in statements
        if statement["Action"][0].startswith("kms:")
    }
    service = "{}.ap-northeast-2.amazonaws.com".format
    assert {
        ("dataflow", "stream", service("kinesis")),
        ("dataflow", "bucket", service("s3")),
        ("fluent-bit", "stream", service("kinesis")),
        ("archive-jobs", "bucket", service("s3")),
        ("external-secrets", "secrets", service("secretsmanager")),
    } == via


def test_lists_are_of_the_prefixes_only(planned: dict[str, Any]) -> None:
    """Who lists by prefix names one of these; whether a role may be told a 404 is asked without one."""
    prefixes = {
        role: [(operator, given["s3:prefix"]) for operator, given in statement["Condition"].items()]
        for role, statements in _documents(planned).items()
        for statement in statements
        if "s3:ListBucket" in statement["Action"]
    }
    assert {
        "dataflow": [("StringLikeIfExists", ["prod/archive/*", "prod/dead-letters/*", "prod/replayed/*"])],
        "archive-jobs": [
            ("StringLikeIfExists", ["prod/archive/*", "prod/dead-letters/*", "prod/quality/*", "prod/rollups/*"])
        ],
    } == prefixes


def test_the_page_tells_the_policy_of_the_archive_jobs(planned: dict[str, Any]) -> None:
    """Who makes the role by hand gives it what Terraform does: the JSON of docs/data_quality.md, but for the keys."""
    page = (IAM.parents[2] / "docs" / "data_quality.md").read_text(encoding="utf-8")
    (told,) = (json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    made = [entry for entry in _documents(planned)["archive-jobs"] if not entry["Action"][0].startswith("kms:")]
    text = (
        json.dumps(made)
        .replace(BUCKET, "arn:aws:s3:::BUCKET")
        .replace("BUCKET/prod/", "BUCKET/")
        .replace('"prod/', '"')
    )
    assert _rights(told["Statement"]) == _rights(json.loads(text))


def _rights(statements: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (action, resource, json.dumps(statement.get("Condition")))
        for statement in statements
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def test_each_role_is_assumed_by_one_service_account(planned: dict[str, Any]) -> None:
    """The trust checks audience and subject, with equality."""
    trusts = {
        address.split('["')[-1].removesuffix('"]'): json.loads(value["assume_role_policy"])["Statement"]
        for address, value in planned.items()
        if address.startswith("aws_iam_role.workload")
    }
    assert {
        role: [
            {
                "Effect": "Allow",
                "Principal": {"Federated": GIVEN["oidc_provider_arn"]},
                "Action": ["sts:AssumeRoleWithWebIdentity"],
                "Condition": {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": subject}},
            }
        ]
        for role, subject in {
            "dataflow": "system:serviceaccount:cali:cali",
            "fluent-bit": "system:serviceaccount:cali-shipper:cali-fluent-bit",
            "external-secrets": "system:serviceaccount:cali:cali-secrets",
            "archive-jobs": "system:serviceaccount:cali:cali-archive-jobs",
        }.items()
    } == trusts
