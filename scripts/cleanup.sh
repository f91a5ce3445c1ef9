#!/usr/bin/env bash
# Takes an environment away again. Asks before each thing that cannot be undone; there is no flag to skip the questions.
#
# usage: scripts/cleanup.sh local|dev|prod [--dry-run]
#
#   local      the containers and volumes of docker compose, the local emulator, what it kept in .cali/local
#   dev, prod  the namespaces with their workloads and recovery volumes, then what Terraform made;
#              a bucket that holds objects is not destroyed unless `destroyable` says so: Terraform stops there
#   --dry-run  print the commands, run none
#
# Exit status 1 if somebody said no, 2 if it cannot begin.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dry_run=0 environment=""
# shellcheck source=scripts/local-dev/shell.sh
source "$root/scripts/local-dev/shell.sh"

while [[ $# -gt 0 ]]; do
  case $1 in
    --dry-run) dry_run=1 ;;
    -h | --help) usage; exit 0 ;;
    -*) die "unknown argument '$1'; see --help" ;;
    *) [[ -z $environment ]] || die "one environment at a time, not '$environment' and '$1'"; environment=$1 ;;
  esac
  shift
done

cd "$root"
case $environment in
  local)
    ask "Delete the local containers, their volumes and .cali/local?" local || { say "nothing was destroyed"; exit 1; }
    if [[ $dry_run == 1 ]] || docker compose version >/dev/null 2>&1; then
      run docker compose --profile localstack down --volumes --remove-orphans
    fi
    run scripts/local-dev/start-localstack.sh --stop
    run rm -rf .cali/local
    ;;
  dev | prod)
    need terraform aws kubectl
    for file in "terraform/environments/$environment.tfvars" terraform/terraform.tfvars "terraform/$environment.backend.hcl"; do
      [[ -e $file || $dry_run == 1 ]] || die "$file is absent: without it nothing is known of $environment"
    done
    run aws sts get-caller-identity
    run terraform -chdir=terraform init -input=false -reconfigure "-backend-config=$environment.backend.hcl"
    context=$(answer_of '<context>' kubectl config current-context)
    ask "Delete the namespaces cali and cali-shipper, recovery volumes too, in $context?" "$environment" || { say "nothing was destroyed"; exit 1; }
    run kubectl --context "$context" delete namespace cali cali-shipper --ignore-not-found
    run terraform -chdir=terraform plan -destroy -input=false "-var-file=environments/$environment.tfvars" -out=destroy.tfplan
    ask "Destroy all of the above?" "destroy $environment" || { say "the AWS resources were left alone"; exit 1; }
    run terraform -chdir=terraform apply -input=false destroy.tfplan
    ;;
  *) die "name what to clean up: local, dev or prod, not '$environment'" ;;
esac
