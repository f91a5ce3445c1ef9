# The role with which a GitHub workflow pushes images; without `github` there is none.

locals {
  github = var.github == null ? {} : { this = var.github }
}

resource "aws_iam_role" "image_push" {
  for_each             = local.github
  name                 = "${var.name}-image-push"
  description          = "CALI: assumed by GitHub workflows that push images."
  permissions_boundary = var.permissions_boundary_arn
  max_session_duration = 3600
  tags                 = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = each.value.oidc_provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = each.value.subjects
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "image_push" {
  for_each = local.github
  name     = "push-images"
  role     = aws_iam_role.image_push[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # The one action here that AWS binds to no resource.
        Sid      = "LogIn"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
      {
        Sid    = "Push"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability",
          "ecr:BatchGetImage",
          "ecr:CompleteLayerUpload",
          "ecr:GetDownloadUrlForLayer",
          "ecr:InitiateLayerUpload",
          "ecr:PutImage",
          "ecr:UploadLayerPart",
        ]
        Resource = each.value.repository_arns
      },
    ]
  })
}
