#!/bin/sh
# Fluent Bit from the image of fluent-bit/Dockerfile, as if it were installed: link this as `fluent-bit` into a folder of
# the path, and tests/unit/fluent_bit runs the real thing. Needs Docker on Linux (it uses the host's network and files).
#
# usage: fluent-bit ARGUMENTS   (files below the working directory and the folder of temporary files can be read)
set -eu

root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
image=$(sed -n 's/^FROM //p' "$root/fluent-bit/Dockerfile")
temporary=${TMPDIR:-/tmp}

set -- "$image" "$@"
for name in AWS_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY CALI_KINESIS__STREAM CALI_CLUSTER CALI_FB_STATE \
  CALI_FB_LOGS CALI_FB_TAG_PREFIX CALI_FB_HOST CALI_FB_PORT CALI_FB_CA CALI_FB_HTTP_PORT; do
  set -- --env "$name" "$@"
done
exec docker run --rm --init --network host --user "$(id -u):$(id -g)" --cap-drop ALL \
  --volume "$root:$root:ro" --volume "$temporary:$temporary" --workdir "$PWD" "$@"
