#!/usr/bin/env bash
# A developer's first command: looks for the tools, makes .venv with everything, and .env from .env.example.
#
# usage: scripts/setup.sh [--dry-run]
#
# Asks nothing, changes nothing outside the checkout, and may be run again. Exit status 2 if a needed tool is absent.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dry_run=0
# shellcheck source=scripts/local-dev/shell.sh
source "$root/scripts/local-dev/shell.sh"

while [[ $# -gt 0 ]]; do
  case $1 in
    --dry-run) dry_run=1 ;;
    -h | --help) usage; exit 0 ;;
    *) die "unknown argument '$1'; see --help" ;;
  esac
  shift
done

# A tool and what it is for. Absent ones of the second group stop nothing here.
missing() {
  command -v "$1" >/dev/null && return 1
  say "not found: $1 ($2)"
}

cd "$root"
lacking=0
for tool in "make:runs everything" "node:the Kinesis emulator of the tests" "npm:installs it"; do
  if missing "${tool%%:*}" "${tool#*:}"; then lacking=1; fi
done
for tool in "docker:docker compose, and building the image" "terraform:the AWS account, 1.10 or later" \
  "aws:deploying" "kubectl:deploying"; do
  missing "${tool%%:*}" "${tool#*:}; not needed for make demo and make test" || true
done
[[ $lacking == 0 ]] || die "install what is named above, then run this again"

run make .venv/.installed-dev node_modules/.installed
if [[ ! -e .env ]]; then
  run cp .env.example .env
fi
run .venv/bin/cali check --offline
say "ready: make demo shows the whole pipeline, make test runs the tests"
