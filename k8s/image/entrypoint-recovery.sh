#!/bin/sh
# Makes the recovery partitions of this pod, once. Of several pods each has its own: partition i is on pod i % replicas.
# The Bytewax chart tells neither replicas nor the pod's name: then all partitions are made, on its one volume.
set -eu
umask 077
pod="${BYTEWAX_POD_NAME:-0}"
exec python "$(dirname "$0")/partitions.py" make \
  "$BYTEWAX_RECOVERY_DIRECTORY" "$BYTEWAX_RECOVERY_PARTS" "${BYTEWAX_REPLICAS:-1}" "${pod##*-}"
