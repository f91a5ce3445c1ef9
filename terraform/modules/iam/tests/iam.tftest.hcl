mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/cali-test-one" }
  }
}

variables {
  name              = "cali-test"
  account_id        = "123456789012"
  region            = "eu-central-1"
  oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
  oidc_issuer_url   = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC"
  cluster_name      = "cali-test"
  stream_arn        = "arn:aws:kinesis:eu-central-1:123456789012:stream/cali-log-stream"
  stream_key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/11111111-1111-1111-1111-111111111111"
  bucket_arn        = "arn:aws:s3:::cali-logs-test"
  bucket_key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/22222222-2222-2222-2222-222222222222"
  domain_arn        = "arn:aws:es:eu-central-1:123456789012:domain/cali-test"
  secret_arns       = { slack = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:cali/test/slack-AbCdEf" }
  secrets_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/33333333-3333-3333-3333-333333333333"
}

run "one_service_account_a_role" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.workload["dataflow"].assume_role_policy).Statement[0].Condition.StringEquals == {
      "oidc.eks.eu-central-1.amazonaws.com/id/ABC:aud" = "sts.amazonaws.com"
      "oidc.eks.eu-central-1.amazonaws.com/id/ABC:sub" = "system:serviceaccount:cali:cali"
    }
    error_message = "IRSA must check audience and subject."
  }
  assert {
    condition     = length(aws_eks_pod_identity_association.workload) == 0
    error_message = "With IRSA there are no Pod Identity associations."
  }
}

run "pod_identity" {
  command = plan
  variables {
    identity_mode = "pod_identity"
  }

  assert {
    condition     = jsondecode(aws_iam_role.workload["fluent-bit"].assume_role_policy).Statement[0].Principal.Service == "pods.eks.amazonaws.com"
    error_message = "Pod Identity is the principal."
  }
  assert {
    condition     = jsondecode(aws_iam_role.workload["fluent-bit"].assume_role_policy).Statement[0].Condition.StringEquals["aws:RequestTag/kubernetes-service-account"] == "cali-fluent-bit"
    error_message = "The service account must be checked."
  }
  assert {
    condition     = keys(aws_eks_pod_identity_association.workload) == ["archive-jobs", "dataflow", "fluent-bit"]
    error_message = "Each role of a pod has its association."
  }
  assert {
    condition     = jsondecode(aws_iam_role.workload["external-secrets"].assume_role_policy).Statement[0].Action == ["sts:AssumeRoleWithWebIdentity"]
    error_message = "No pod runs as the operator's service account: its role is assumed by IRSA."
  }
}

run "no_action_is_a_wildcard" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.workload : [for statement in jsondecode(policy.policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]
    ]))
    error_message = "Actions must be named in full."
  }
  assert {
    condition = !contains(flatten([
      for policy in aws_iam_role_policy.workload : [for statement in jsondecode(policy.policy).Statement : statement.Resource]
    ]), "*")
    error_message = "No statement may be for every resource."
  }
}

run "fluent_bit_can_only_write" {
  command = plan

  assert {
    condition     = flatten([for statement in jsondecode(aws_iam_role_policy.workload["fluent-bit"].policy).Statement : statement.Action]) == ["kinesis:PutRecords", "kms:GenerateDataKey"]
    error_message = "Fluent Bit must be able to write records and nothing else."
  }
}

run "without_a_domain" {
  command = plan
  variables {
    domain_arn = null
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.workload["dataflow"].policy, "es:ESHttp")
    error_message = "Without a domain there is nothing to allow."
  }
}

run "github_pushes_with_whole_claims" {
  command = plan
  variables {
    github = {
      oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
      subjects          = ["repo:example/cali:environment:registry"]
      repository_arns   = ["arn:aws:ecr:eu-central-1:123456789012:repository/cali"]
    }
  }

  assert {
    condition     = jsondecode(aws_iam_role.image_push["this"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example/cali:environment:registry"]
    error_message = "Only the named workflow may push."
  }
}

run "refuses_a_loose_claim" {
  command = plan
  variables {
    github = {
      oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
      subjects          = ["repo:example/*"]
      repository_arns   = ["arn:aws:ecr:eu-central-1:123456789012:repository/cali"]
    }
  }
  expect_failures = [var.github]
}

run "refuses_irsa_without_a_provider" {
  command = plan
  variables {
    oidc_provider_arn = null
  }
  expect_failures = [var.oidc_provider_arn]
}

run "archive_jobs_delete_archive_objects_alone" {
  command = plan

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.workload["archive-jobs"].policy).Statement : statement.Resource if contains(statement.Action, "s3:DeleteObject")
    ])) == toset(["arn:aws:s3:::cali-logs-test/archive/*"])
    error_message = "Compaction deletes the parts of what it merged, and nothing else."
  }
}
