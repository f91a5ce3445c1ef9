#!/usr/bin/env bash
# Starts an emulator of AWS on http://127.0.0.1:4566: LocalStack where Docker answers, else moto from .venv.
#
# usage: scripts/local-dev/start-localstack.sh [--moto] [--dry-run] [--stop]
#
#   --moto  moto even where Docker answers: it starts in seconds; both keep everything in memory
#   --stop  end the moto that this script started, by its process id
#
# Then, as in an account: terraform/local makes the stream and the bucket (its README.md); or scripts/local-dev/seed-data.sh
# makes them without Terraform, and puts logs in.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
dry_run=0 stop=0 moto=0
port=${LOCAL_AWS_PORT:-4566}
folder=$root/.cali/local
pid_file=$folder/moto.$port.pid
# shellcheck source=scripts/local-dev/shell.sh
source "$root/scripts/local-dev/shell.sh"

while [[ $# -gt 0 ]]; do
  case $1 in
    --dry-run) dry_run=1 ;;
    --stop) stop=1 ;;
    --moto) moto=1 ;;
    -h | --help) usage; exit 0 ;;
    *) die "unknown argument '$1'; see --help" ;;
  esac
  shift
done

# Whether the process of the file is a moto: ids are used again.
runs() { [[ -s $pid_file ]] && ps -p "$(cat "$pid_file")" -o args= 2>/dev/null | grep -q 'moto\.server'; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

if [[ $stop == 1 ]]; then
  if runs; then
    run kill "$(cat "$pid_file")"
    run rm -f "$pid_file"
  else
    say "no moto of this script runs on port $port"
  fi
  exit 0
fi

cd "$root"
if runs; then
  say "moto runs already"
elif answers; then
  die "port $port is taken by something else: end it, or set LOCAL_AWS_PORT"
elif [[ $moto == 0 && $port == 4566 ]] && docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
  run docker compose --profile localstack up --detach --wait localstack
else
  [[ -x .venv/bin/python || $dry_run == 1 ]] || die "neither Docker nor .venv is there: run scripts/setup.sh"
  run mkdir -p "$folder"
  if [[ $dry_run == 1 ]]; then
    say "+ .venv/bin/python -m moto.server -H 127.0.0.1 -p $port > $folder/moto.log &"
  else
    nohup .venv/bin/python -m moto.server -H 127.0.0.1 -p "$port" >"$folder/moto.log" 2>&1 &
    echo $! >"$pid_file"
    for _ in $(seq 300); do
      answers && break
      runs || die "moto ended: $(tail -3 "$folder/moto.log")"
      sleep 0.2
    done
    answers || die "moto does not answer on port $port: see $folder/moto.log"
  fi
fi
say "AWS emulator: http://127.0.0.1:$port. For your shell:"
printf 'export AWS_ENDPOINT_URL=http://127.0.0.1:%s AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1\n' "$port"
