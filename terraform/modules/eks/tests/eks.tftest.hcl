mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/cali-test-eks" }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC" }
  }
  mock_resource "aws_eks_cluster" {
    defaults = {
      identity = [{ oidc = [{ issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC" }] }]
    }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
}

variables {
  name                 = "cali-test"
  subnet_ids           = { "eu-central-1a" = "subnet-1", "eu-central-1b" = "subnet-2" }
  admin_principal_arns = ["arn:aws:iam::123456789012:role/platform"]
  kms_key_arn          = "arn:aws:kms:eu-central-1:123456789012:key/44444444-4444-4444-4444-444444444444"
}

run "private_logged_and_encrypted" {
  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "By default the API is reached from inside only."
  }
  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == var.kms_key_arn
    error_message = "Secrets must be encrypted with the given key."
  }
  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "All control plane logs must be on."
  }
}

run "a_node_group_a_zone_without_metadata_for_pods" {
  assert {
    condition     = keys(aws_eks_node_group.this) == ["eu-central-1a", "eu-central-1b"]
    error_message = "Each zone has its node group."
  }
  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required" && aws_launch_template.node.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "Pods must not reach the node's credentials."
  }
}

run "network_policies_work" {
  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "Without it the policies of k8s/ are not enforced."
  }
  assert {
    condition     = jsondecode(aws_iam_role.driver["aws-ebs-csi-driver"].assume_role_policy).Statement[0].Condition.StringEquals["oidc.eks.eu-central-1.amazonaws.com/id/ABC:sub"] == "system:serviceaccount:kube-system:ebs-csi-controller-sa"
    error_message = "Only the driver's service account may be the driver."
  }
}

run "named_networks_from_outside" {
  variables {
    endpoint_cidrs = ["203.0.113.0/24"]
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["203.0.113.0/24"])
    error_message = "Only the named network."
  }
}

run "refuses_the_whole_internet" {
  command = plan
  variables {
    endpoint_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.endpoint_cidrs]
}

run "refuses_a_cluster_without_administrator" {
  command = plan
  variables {
    admin_principal_arns = []
  }
  expect_failures = [var.admin_principal_arns]
}
