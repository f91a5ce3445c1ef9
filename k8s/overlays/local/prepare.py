#!/usr/bin/env python3
"""Makes the stream and the bucket on the stand-ins, waiting until they answer. Run again after they restarted."""

import os
import sys

import boto3
from botocore.config import Config

PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 20})


def main() -> None:
    """Idempotent."""
    region = os.environ["AWS_REGION"]
    kinesis = boto3.client("kinesis", region, endpoint_url=os.environ["CALI_KINESIS__ENDPOINT_URL"], config=PATIENT)
    s3 = boto3.client("s3", region, endpoint_url=os.environ["CALI_S3__ENDPOINT_URL"], config=PATIENT)
    stream, bucket = os.environ["CALI_KINESIS__STREAM"], os.environ["CALI_S3__BUCKET"]
    try:
        kinesis.create_stream(StreamName=stream, ShardCount=2)
    except kinesis.exceptions.ResourceInUseException:
        sys.stdout.write(f"the stream {stream} is there\n")
    try:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    except s3.exceptions.BucketAlreadyOwnedByYou:
        sys.stdout.write(f"the bucket {bucket} is there\n")


if __name__ == "__main__":
    main()
