output "name" {
  description = "Name of the stream."
  value       = aws_kinesis_stream.this.name
}

output "arn" {
  description = "ARN of the stream."
  value       = aws_kinesis_stream.this.arn
}

output "firehose_arn" {
  description = "ARN of the delivery stream; null without one."
  value       = one([for stream in aws_kinesis_firehose_delivery_stream.this : stream.arn])
}
