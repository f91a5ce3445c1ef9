#!/usr/bin/env bash
# Brings an environment up to this checkout: AWS by Terraform, the image to ECR, the manifests to EKS.
#
# usage: scripts/deploy.sh ENVIRONMENT [--image REF] [--dry-run] [--yes]
#
#   ENVIRONMENT  dev or prod: terraform/ENVIRONMENT.tfvars, terraform/ENVIRONMENT.backend.hcl, k8s/overlays/ENVIRONMENT
#   --image REF  deploy an image that is in the registry already (by digest: repository@sha256:...), build none
#   --dry-run    print the commands, run none
#   --yes        do not ask before the two changes (Terraform's plan, the manifests); for a pipeline that asked elsewhere
#
# Credentials are those of the AWS CLI (a profile, SSO). Exit status 1 if somebody said no, 2 if it cannot begin.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dry_run=0 assume_yes=0 environment="" image=""
# shellcheck source=scripts/local-dev/shell.sh
source "$root/scripts/local-dev/shell.sh"

while [[ $# -gt 0 ]]; do
  case $1 in
    --dry-run) dry_run=1 ;;
    --yes) assume_yes=1 ;;
    --image) image=${2:?"--image needs a reference"}; shift ;;
    -h | --help) usage; exit 0 ;;
    -*) die "unknown argument '$1'; see --help" ;;
    *) [[ -z $environment ]] || die "one environment at a time, not '$environment' and '$1'"; environment=$1 ;;
  esac
  shift
done
[[ $environment == dev || $environment == prod ]] || die "name the environment, dev or prod, not '$environment'"
[[ -z $image || $image == *@sha256:* ]] || die "--image '$image' names no digest: a tag can move, give repository@sha256:..."

cd "$root"
need terraform aws kubectl
[[ -n $image ]] || need docker
for file in "terraform/$environment.tfvars" "terraform/$environment.backend.hcl"; do
  [[ -e $file || $dry_run == 1 ]] || die "$file is absent: copy its example in terraform/ and fill it in"
done

# 1. The account.
run aws sts get-caller-identity
run terraform -chdir=terraform init -input=false -reconfigure "-backend-config=$environment.backend.hcl"
run terraform -chdir=terraform plan -input=false "-var-file=$environment.tfvars" "-out=$environment.tfplan"
ask "Apply this plan to $environment?" yes || { say "nothing was changed"; exit 1; }
run terraform -chdir=terraform apply -input=false "$environment.tfplan"

output() { answer_of "$1" terraform -chdir=terraform output -raw "$1"; }
region=$(output region)
cluster=$(output cluster_name)
repository=$(output ecr_repository_url)

# 2. The image, named by the commit, and from then on by its digest.
if [[ -z $image ]]; then
  commit=$(git rev-parse --short=12 HEAD)
  [[ -z $(git status --porcelain) || $dry_run == 1 ]] || die "the checkout has changes that are in no commit: commit them, or give --image"
  run docker build --tag "$repository:$commit" .
  if [[ $dry_run == 1 ]]; then
    say "+ aws ecr get-login-password --region $region | docker login --username AWS --password-stdin ${repository%%/*}"
  else
    aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "${repository%%/*}"
  fi
  run docker push "$repository:$commit"
  image=$(answer_of "$repository@digest" docker inspect --format '{{index .RepoDigests 0}}' "$repository:$commit")
fi

# 3. The cluster. The overlay takes names and roles from Terraform and lies outside Git.
overlay=".cali/deploy/$environment"
run mkdir -p "$overlay"
if [[ $dry_run == 1 ]]; then
  say "+ terraform -chdir=terraform output -raw k8s_overlay > $overlay/kustomization.yaml"
else
  terraform -chdir=terraform output -raw k8s_overlay >"$overlay/kustomization.yaml"
fi
run aws eks update-kubeconfig --region "$region" --name "$cluster"
run kubectl diff -k "$overlay" || [[ $? == 1 ]] # 1: there are differences
ask "Apply these manifests, image $image?" yes || { say "the cluster was not changed"; exit 1; }
run kubectl apply -k "$overlay"
run kubectl --namespace cali set image statefulset/cali "cali=$image"
run kubectl --namespace cali rollout status statefulset/cali --timeout=10m
run kubectl --namespace cali exec statefulset/cali -- cali check
say "$environment runs $image"
