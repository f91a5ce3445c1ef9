#!/bin/sh
# Runs the page. The shell becomes Python, so that SIGTERM arrives and the page drains: with a shell in between the pod is
# killed after its grace period. Everything is in Bytewax's variables, as the Bytewax chart sets them.
set -eu
umask 077
if [ "${BYTEWAX_KEEP_CONTAINER_ALIVE:-false}" = true ]; then
  echo "BYTEWAX_KEEP_CONTAINER_ALIVE has no effect in this image: use kubectl debug" >&2
fi
# Bytewax writes dataflow.json there; without its nginx the chart mounts nothing at the place that it names.
if [ ! -w "${BYTEWAX_DATAFLOW_API_CACHE_PATH:-/nowhere}" ]; then
  export BYTEWAX_DATAFLOW_API_CACHE_PATH="${TMPDIR:-/tmp}"
fi
cd "${BYTEWAX_WORKDIR:-/bytewax}"
exec python -m bytewax.run "${BYTEWAX_PYTHON_FILE_PATH:-dataflows.log_intelligence}"
