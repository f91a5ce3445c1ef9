#!/usr/bin/env bash
# Brings an environment up to this checkout: AWS by Terraform, the image to ECR, the manifests to EKS.
#
# usage: scripts/deploy.sh ENVIRONMENT [--image REF] [--dry-run] [--yes]
#
#   ENVIRONMENT  dev or prod: terraform/environments/ENVIRONMENT.tfvars and k8s/overlays/ENVIRONMENT. Not in Git, to be
#                copied from their examples: terraform/terraform.tfvars, and terraform/ENVIRONMENT.backend.hcl from
#                backend.hcl.example
#   --image REF  deploy an image that is in a registry already (by digest: repository@sha256:...), build none; needed where
#                `repositories` leaves Terraform without the repository cali
#   --dry-run    print the commands, run none
#   --yes        do not ask before the two changes (Terraform's plan, the manifests); for a pipeline that asked elsewhere
#
# Credentials are those of the AWS CLI (a profile, SSO). The cluster must have what k8s/README.md names under "Apply" (operators,
# StorageClass gp3). Exit status 1 if somebody said no, 2 if it cannot begin or go on.
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
environment_files "$environment"

# 1. The account.
run aws sts get-caller-identity
run terraform -chdir=terraform init -input=false -reconfigure "-backend-config=$environment.backend.hcl"
run terraform -chdir=terraform plan -input=false "-var-file=environments/$environment.tfvars" "-out=$environment.tfplan"
ask "Apply this plan to $environment?" yes || { say "nothing was changed"; exit 1; }
run terraform -chdir=terraform apply -input=false "$environment.tfplan"

cluster=$(answer_of '<cluster>' terraform -chdir=terraform output -raw cluster_name)
region=$(answer_of 'AWS_REGION=<region>' terraform -chdir=terraform output -raw k8s_env | sed -n 's/^AWS_REGION=//p')
repository=$(answer_of '"cali":"<repository>"' terraform -chdir=terraform output -json repository_urls |
  sed -n 's/.*"cali" *: *"\([^"]*\)".*/\1/p')
[[ -n $region ]] || die "Terraform's output k8s_env names no AWS_REGION"
[[ -n $repository || -n $image ]] || die "Terraform makes no repository cali (repository_urls): give --image, or add it to repositories"

# 2. The image, named by the commit, and from then on by its digest.
if [[ -z $image ]]; then
  commit=$(git rev-parse --short=12 HEAD)
  [[ -z $(git status --porcelain --untracked-files=no) || $dry_run == 1 ]] || die "the checkout has changes that are in no commit: commit them, or give --image"
  # The nodes' architecture (modules/eks), whatever this machine's is.
  run docker build --platform linux/amd64 --build-arg "TORCH_INDEX=${TORCH_INDEX:-}" --tag "$repository:$commit" .
  if [[ $dry_run == 1 ]]; then
    say "+ aws ecr get-login-password --region $region | docker login --username AWS --password-stdin ${repository%%/*}"
  else
    aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "${repository%%/*}"
  fi
  run docker push "$repository:$commit"
  image=$(answer_of "$repository@<digest>" docker inspect --format '{{index .RepoDigests 0}}' "$repository:$commit")
fi

# 3. The cluster. Two layers over the overlay, outside Git: names and roles from Terraform, and the image's digest.
# They lie beside the overlay: kustomize takes no folder that contains the one it starts from.
generated="k8s/overlays/$environment-generated"
release="k8s/overlays/$environment-release"
run mkdir -p "$generated" "$release"
write() { if [[ $dry_run == 1 ]]; then say "+ $2 > $1"; else "${@:3}" >"$1"; fi; }
# The image's name in the layer below: Terraform's repository, or without one still the overlays' placeholder.
named=${repository:-123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/cali}
pinned() {
  printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../%s-generated]\n' "$environment"
  printf 'images: [{name: "%s", newName: "%s", digest: "%s"}]\n' "$named" "${image%@*}" "${image#*@}"
}
write "$generated/kustomization.yaml" "terraform -chdir=terraform output -raw k8s_overlay" \
  terraform -chdir=terraform output -raw k8s_overlay
write "$release/kustomization.yaml" "(image $image)" pinned
run aws eks update-kubeconfig --region "$region" --name "$cluster"
# Without these an apply stops half-way, or the pod waits for ever.
absent=()
for thing in crd/externalsecrets.external-secrets.io crd/podmonitors.monitoring.coreos.com \
  crd/prometheusrules.monitoring.coreos.com storageclass/gp3; do
  run kubectl get "$thing" --output name >/dev/null || absent+=("$thing")
done
[[ ${#absent[@]} == 0 ]] || die "the cluster lacks ${absent[*]}: k8s/README.md, 'Apply', says where each comes from"
# The operator of secrets makes all of a Kubernetes secret or none of it, and the pod waits for that.
empty=()
for key in $(answer_of '' kubectl kustomize "$release" | sed -n 's/^ *key: \(cali\/[^ ]*\)$/\1/p' | sort -u); do
  [[ $(aws secretsmanager describe-secret --region "$region" --secret-id "$key" --query VersionIdsToStages --output text) != None ]] ||
    empty+=("$key")
done
[[ ${#empty[@]} == 0 ]] ||
  die "no value yet in ${empty[*]}: put one (terraform/modules/secrets/README.md), or take the entry out of k8s/base/secrets.yaml"
# kubectl diff ends with an error as long as a namespace is not there (kubernetes/kubernetes#114141).
if run kubectl get namespace cali cali-shipper --output name >/dev/null; then
  run kubectl diff -k "$release" || [[ $? == 1 ]] # 1: there are differences
else
  say "first deployment: everything is new; kubectl kustomize $release shows it"
fi
ask "Apply these manifests, image $image?" yes || { say "the cluster was not changed"; exit 1; }
run kubectl apply -k "$release"
run kubectl --namespace cali rollout status statefulset/cali --timeout=10m
run kubectl --namespace cali exec statefulset/cali --container process -- cali check
say "$environment runs $image"
