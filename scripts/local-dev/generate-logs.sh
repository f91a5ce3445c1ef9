#!/bin/sh
# Writes container log files of seven services, as a node has them, a minute's worth every minute, and deletes old ones.
# Each minute has pods of its own, as after a deployment, since the log of a pod is written once.
#
# usage: [CALI=cali] [RATE=20] [ROUNDS=n] generate-logs.sh FOLDER
#   RATE    records a second
#   ROUNDS  how many minutes; without it, until it is stopped
set -eu

folder=${1:?"name a folder for the logs: generate-logs.sh FOLDER"}
cali=${CALI:-cali}
rate=${RATE:-20}
rounds=${ROUNDS:-0}
seconds=60
keep_minutes=30

seed=$(date +%s)
round=0
while :; do
  # The minute that has just passed: no record is from the future. Alpine's and macOS' date know no -d '1 minute ago'.
  start=$("${PYTHON:-python3}" -c 'import datetime as d; print((d.datetime.now(d.timezone.utc) - d.timedelta(minutes=1)).isoformat())')
  "$cali" generate --seed "$seed" --rate "$rate" --count $((rate * seconds)) --start "$start" --to "dir:$folder"
  find "$folder" -name '*.log' -mmin "+$keep_minutes" -delete
  seed=$((seed + 1))
  round=$((round + 1))
  if [ "$rounds" -gt 0 ] && [ "$round" -ge "$rounds" ]; then
    exit 0
  fi
  sleep "$seconds"
done
