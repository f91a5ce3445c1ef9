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
    environment_files "$environment"
    run aws sts get-caller-identity
    run terraform -chdir=terraform init -input=false -reconfigure "-backend-config=$environment.backend.hcl"
    # The cluster that this environment's state names, whatever kubectl's current context is.
    cluster=$(answer_of '<cluster>' terraform -chdir=terraform output -raw cluster_name)
    region=$(answer_of 'AWS_REGION=<region>' terraform -chdir=terraform output -raw k8s_env | sed -n 's/^AWS_REGION=//p')
    [[ -n $cluster && -n $region ]] || die "Terraform's state of $environment names no cluster: go on with terraform destroy by hand"
    context=cali-$environment-cleanup
    run aws eks update-kubeconfig --region "$region" --name "$cluster" --alias "$context"
    ask "Delete the namespaces cali and cali-shipper, recovery volumes too, in $cluster?" "$environment" || { say "nothing was destroyed"; exit 1; }
    run kubectl --context "$context" delete namespace cali cali-shipper --ignore-not-found
    # Of a StorageClass with reclaimPolicy Retain the disks stay, and cost: nothing below deletes them.
    say "persistent volumes that are left; delete their EBS volumes by hand (aws ec2 delete-volume) once nobody needs them:"
    run kubectl --context "$context" get persistentvolumes --output \
      'custom-columns=VOLUME:.spec.csi.volumeHandle,STATE:.status.phase,CLAIM:.spec.claimRef.name'
    run terraform -chdir=terraform plan -destroy -input=false "-var-file=environments/$environment.tfvars" -out=destroy.tfplan
    ask "Destroy all of the above?" "destroy $environment" || { say "the AWS resources were left alone"; exit 1; }
    run terraform -chdir=terraform apply -input=false destroy.tfplan
    ;;
  *) die "name what to clean up: local, dev or prod, not '$environment'" ;;
esac
