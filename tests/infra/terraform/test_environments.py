"""What a plan of each environment would make."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).parents[3] / "terraform"
YOURS = {"account_id": "123456789012", "admin_principal_arns": ["arn:aws:iam::123456789012:role/platform-admin"]}
Planned = dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=["dev", "prod"])
def planned(
    request: pytest.FixtureRequest,
    quick_provider: Path,
    in_folder: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Planned]:
    """Name and planned values of an environment, with its file from terraform/environments."""
    terraform = in_folder(TREE, tmp_path_factory.mktemp(request.param), quick_provider)
    return request.param, terraform.planned(YOURS, f"environments/{request.param}.tfvars")


def _all(planned: Planned, kind: str) -> list[dict[str, Any]]:
    return [value for address, value in planned.items() if f".{kind}." in address]


def test_everything_that_keeps_data_encrypts_it(planned: tuple[str, Planned]) -> None:
    """Stream, bucket, search domain, image layers and nodes' disks."""
    _, made = planned
    (stream,) = _all(made, "aws_kinesis_stream")
    (bucket,) = _all(made, "aws_s3_bucket_server_side_encryption_configuration")
    (domain,) = _all(made, "aws_opensearch_domain")
    (nodes,) = _all(made, "aws_launch_template")
    assert "KMS" == stream["encryption_type"]
    assert "aws:kms" == bucket["rule"][0]["apply_server_side_encryption_by_default"][0]["sse_algorithm"]
    assert (True, True, True) == (
        domain["encrypt_at_rest"][0]["enabled"],
        domain["node_to_node_encryption"][0]["enabled"],
        domain["domain_endpoint_options"][0]["enforce_https"],
    )
    assert {"KMS"} == {
        repository["encryption_configuration"][0]["encryption_type"] for repository in _all(made, "aws_ecr_repository")
    }
    assert ["true"] == [disk["ebs"][0]["encrypted"] for disk in nodes["block_device_mappings"]]
    assert [True] * 4 == [key["enable_key_rotation"] for key in _all(made, "aws_kms_key")]


def test_nothing_is_open_to_the_internet(planned: tuple[str, Planned]) -> None:
    """The API is private, the bucket closed, no subnet gives out public addresses, no rule lets the world in."""
    _, made = planned
    (cluster,) = _all(made, "aws_eks_cluster")
    (block,) = _all(made, "aws_s3_bucket_public_access_block")
    assert not cluster["vpc_config"][0]["endpoint_public_access"]
    assert {True} == {block[name] for name in block if name.startswith(("block_", "ignore_", "restrict_"))}
    assert {False} == {
        subnet["map_public_ip_on_launch"] for subnet in _all(made, "aws_subnet") if "public" in str(subnet)
    }
    assert "0.0.0.0/0" not in {rule.get("cidr_ipv4") for rule in _all(made, "aws_vpc_security_group_ingress_rule")}


def test_only_what_comes_and_goes_can_be_destroyed_with_its_data(planned: tuple[str, Planned]) -> None:
    """Dev may lose its data, production may not."""
    name, made = planned
    (bucket,) = _all(made, "aws_s3_bucket")
    assert [name == "dev"] * 3 == [
        bucket["force_destroy"],
        *(repo["force_delete"] for repo in _all(made, "aws_ecr_repository")),
    ]
    assert {0 if name == "dev" else 30} == {
        secret["recovery_window_in_days"] for secret in _all(made, "aws_secretsmanager_secret")
    }


def test_a_zone_fails_alone_in_production(planned: tuple[str, Planned]) -> None:
    """Nodes, search nodes and ways out in each zone; dev saves two gateways."""
    name, made = planned
    (domain,) = _all(made, "aws_opensearch_domain")
    zones = {"dev": 2, "prod": 3}[name]
    assert (zones, {"dev": 1, "prod": 3}[name]) == (
        len(_all(made, "aws_eks_node_group")),
        len(_all(made, "aws_nat_gateway")),
    )
    assert zones == domain["cluster_config"][0]["zone_awareness_config"][0]["availability_zone_count"]
