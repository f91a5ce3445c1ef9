#!/usr/bin/env bash
# Fills the local emulator: stream `cali-log-stream` and bucket `cali-logs` where they are not there yet, then logs.
#
# usage: scripts/local-dev/seed-data.sh [--count N] [--rate N] [--runbooks] [--dry-run]
#
#   --count N   records to put into the stream (default 2000)
#   --rate N    records a second (default 200)
#   --runbooks  bring runbooks/ into the knowledge base too (Milvus Lite, a quarter of a minute)
#
# CALI_KINESIS__STREAM, CALI_S3__BUCKET and the endpoints may be set to others. Only for emulators: it refuses without endpoints.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
dry_run=0 count=2000 rate=200 runbooks=0
# shellcheck source=scripts/local-dev/shell.sh
source "$root/scripts/local-dev/shell.sh"

while [[ $# -gt 0 ]]; do
  case $1 in
    --dry-run) dry_run=1 ;;
    --count) count=${2:?"--count needs a number"}; shift ;;
    --rate) rate=${2:?"--rate needs a number"}; shift ;;
    --runbooks) runbooks=1 ;;
    -h | --help) usage; exit 0 ;;
    *) die "unknown argument '$1'; see --help" ;;
  esac
  shift
done
[[ $count =~ ^[1-9][0-9]*$ ]] || die "--count '$count' is no whole number above 0"
[[ $rate =~ ^[1-9][0-9]*$ ]] || die "--rate '$rate' is no whole number above 0"

endpoint=http://127.0.0.1:${LOCAL_AWS_PORT:-4566}
export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
export CALI_KINESIS__STREAM=${CALI_KINESIS__STREAM:-cali-log-stream} CALI_S3__BUCKET=${CALI_S3__BUCKET:-cali-logs}
export CALI_KINESIS__ENDPOINT_URL=${CALI_KINESIS__ENDPOINT_URL:-$endpoint} CALI_S3__ENDPOINT_URL=${CALI_S3__ENDPOINT_URL:-$endpoint}

cd "$root"
[[ -x .venv/bin/cali || $dry_run == 1 ]] || die ".venv is not there: run scripts/setup.sh"
made=(scripts/local-dev/make_local.py)
[[ $runbooks == 0 ]] || made+=(--runbooks runbooks)
run .venv/bin/python "${made[@]}"
run .venv/bin/cali generate --rate "$rate" --count "$count" --to kinesis
