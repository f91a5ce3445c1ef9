# syntax=docker/dockerfile:1
# CALI's image: sizes, variants and what to pin in docs/image.md. scripts/build_image_without_docker.py replays these steps.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# full, slim (no torch: an embeddings server is asked) or demo (with the stand-ins of k8s/overlays/local)
ARG VARIANT=full
# Index with CPU builds of PyTorch (pytorch.org, "Get started"). Without it pip takes the CUDA build on x86-64, which is refused below.
ARG TORCH_INDEX=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /venv
COPY pyproject.toml constraints.txt k8s/image/dependencies.py ./
# --no-deps: PyTorch's own index has few releases of what torch needs, seldom those of constraints.txt; the next step brings them, so
# torch cannot be imported yet.
RUN if [ "$VARIANT" != slim ]; then \
      /venv/bin/pip install --quiet --no-deps -c constraints.txt ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch && \
      /venv/bin/python -c 'import runpy, sys, sysconfig; version = runpy.run_path(sysconfig.get_path("purelib") + "/torch/version.py"); sys.exit(version["cuda"] and "a CUDA build of torch: set the build argument TORCH_INDEX to an index of CPU builds")'; \
    fi
RUN /venv/bin/python dependencies.py pyproject.toml "$VARIANT" > requirements.txt && \
    /venv/bin/pip install --quiet -c constraints.txt -r requirements.txt
COPY README.md LICENSE ./
COPY connectors connectors
COPY dataflows dataflows
COPY rag rag
# --no-deps: what the wheel needs is there, and slim leaves some of it out on purpose.
# bash as sh: the Bytewax chart starts `sh -c "sh ./entrypoint.sh"`. dash would stay in between, as process 1, which ignores SIGTERM;
# bash becomes what it starts.
RUN /venv/bin/pip wheel --quiet --no-deps --wheel-dir /wheels . && \
    /venv/bin/pip install --quiet --no-deps /wheels/*.whl && \
    /venv/bin/pip uninstall --quiet --yes pip && \
    ln -s /bin/bash /venv/bin/sh

FROM ${PYTHON_IMAGE} AS run
RUN groupadd --gid 65532 cali && useradd --uid 65532 --gid 65532 --no-create-home --shell /usr/sbin/nologin cali
COPY --from=build /venv /venv
COPY runbooks /runbooks
COPY k8s/image/entrypoint.sh k8s/image/entrypoint-recovery.sh k8s/image/partitions.py /bytewax/
# HOME and caches on /tmp, the only place besides the volumes that is written to; model hubs are never asked. glibc gives every
# thread an arena of its own, up to eight a core, and returns little of them: two keep memory flat (mallopt(3), M_ARENA_MAX).
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BYTEWAX_WORKDIR=/bytewax \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/cache \
    MPLCONFIGDIR=/tmp/cache/matplotlib \
    TORCH_HOME=/tmp/cache/torch \
    TORCHINDUCTOR_CACHE_DIR=/tmp/cache/inductor \
    HF_HOME=/tmp/cache/huggingface \
    MALLOC_ARENA_MAX=2 \
    HF_HUB_OFFLINE=1 \
    TRANSFORMERS_OFFLINE=1 \
    OMP_NUM_THREADS=1
WORKDIR /bytewax
EXPOSE 9999 3030
USER 65532:65532
ENTRYPOINT ["/bin/sh", "/bytewax/entrypoint.sh"]
