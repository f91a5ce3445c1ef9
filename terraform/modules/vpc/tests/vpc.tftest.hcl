mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/cali-test-flow-logs" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vpc/cali-test/flow" }
  }
}

variables {
  name               = "cali-test"
  availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  log_key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/44444444-4444-4444-4444-444444444444"
  account_id         = "123456789012"
  region             = "eu-central-1"
}

run "subnets_do_not_overlap" {
  assert {
    condition = concat([for subnet in aws_subnet.private : subnet.cidr_block], [for subnet in aws_subnet.public : subnet.cidr_block]) == [
      "10.64.0.0/20", "10.64.16.0/20", "10.64.32.0/20", "10.64.240.0/24", "10.64.241.0/24", "10.64.242.0/24",
    ]
    error_message = "Blocks of subnets changed."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "Nothing gets a public address by itself."
  }
}

run "nat_in_every_zone_by_default" {
  assert {
    condition     = length(aws_nat_gateway.this) == 3
    error_message = "Each zone must have its own way out."
  }
}

run "one_nat_for_all" {
  variables {
    nat_per_zone = false
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.private) == 3
    error_message = "All zones go through the one."
  }
}

run "records_do_not_go_through_nat" {
  assert {
    condition     = aws_vpc_endpoint.interface["kinesis-streams"].service_name == "com.amazonaws.eu-central-1.kinesis-streams" && aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway"
    error_message = "Kinesis and S3 must have endpoints."
  }
}

run "refuses_one_zone" {
  command = plan
  variables {
    availability_zones = ["eu-central-1a"]
  }
  expect_failures = [var.availability_zones]
}

run "refuses_a_block_too_small" {
  command = plan
  variables {
    cidr = "10.0.0.0/24"
  }
  expect_failures = [var.cidr]
}
