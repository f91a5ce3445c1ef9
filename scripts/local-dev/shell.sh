# shellcheck shell=bash
# What the scripts share. Sourced; `dry_run` and `assume_yes` are set by the script that does.

dry_run=${dry_run:-0}

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$(basename "$0"): $*"
  exit 2
}

# Prints a command as it could be typed and, unless this is a dry run, runs it.
run() {
  printf '+' >&2
  printf ' %q' "$@" >&2
  printf '\n' >&2
  [[ $dry_run == 1 ]] || "$@"
}

# What a command prints; in a dry run the command is printed, and a placeholder stands for its answer.
answer_of() {
  local placeholder=$1
  shift
  if [[ $dry_run == 1 ]]; then
    run "$@"
    printf '%s\n' "$placeholder"
  else
    "$@"
  fi
}

# Asks, and goes on only if the answer is exactly the expected word. No answer (no terminal) is a no.
ask() {
  local question=$1 expected=$2 answer=""
  [[ $dry_run == 1 || ${assume_yes:-0} == 1 ]] && return 0
  printf '%s Type %q to go on: ' "$question" "$expected" >&2
  read -r answer || true
  [[ $answer == "$expected" ]]
}

# Ends with a message that names each command that is absent.
need() {
  local name absent=()
  for name in "$@"; do
    command -v "$name" >/dev/null || absent+=("$name")
  done
  [[ ${#absent[@]} == 0 || $dry_run == 1 ]] || die "install ${absent[*]} first"
}

# Ends unless Terraform can know this environment, and no other: a state file for two of them makes the one plan to destroy the other.
environment_files() {
  local environment=$1 file
  for file in "terraform/environments/$environment.tfvars" terraform/terraform.tfvars "terraform/$environment.backend.hcl"; do
    [[ -e $file || $dry_run == 1 ]] || die "$file is absent: copy its example in terraform/ and fill it in"
  done
  file="terraform/$environment.backend.hcl"
  [[ ! -e $file ]] || grep -Eq "^[[:space:]]*key[[:space:]]*=.*\\b$environment\\b" "$file" ||
    die "the key in $file does not name $environment: each environment has a state of its own, for example cali/$environment/terraform.tfstate"
}

# The comment at the head of a script is its help.
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }
