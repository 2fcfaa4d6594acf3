# flowbrush on an NVIDIA GPU: docker build -f docker/cuda.Dockerfile -t flowbrush:cuda .
# The torch wheel brings its own CUDA libraries; of the host only the driver and the NVIDIA container toolkit are needed.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/flowbrush
ENV PATH=/opt/flowbrush/bin:$PATH
COPY constraints.txt ./
RUN pip install -c constraints.txt torch
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY flowbrush flowbrush
COPY models models
COPY pipelines pipelines
COPY server server
COPY training training
COPY benchmarks benchmarks
COPY web web
# flowbrush/models, flowbrush/server, … link to the folders next to it
# EXTRAS=wan,gpu,ray for a node of a cluster
ARG EXTRAS=wan,gpu
RUN pip install -c constraints.txt ".[${EXTRAS}]"

FROM python:3.11-slim-bookworm
# gcc: torch.compile builds its launchers with it
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 flowbrush \
    && useradd --create-home --uid 10001 --gid 10001 flowbrush \
    && mkdir -p /data/state /data/weights \
    && chown -R 10001:10001 /data \
    && chmod 0700 /data/state
COPY --from=build /opt/flowbrush /opt/flowbrush
COPY docker/healthcheck.py /opt/flowbrush/healthcheck.py
# "video" lets NVENC be used where the card has it; what is compiled goes to /tmp, because the rest may be read-only
ENV PATH=/opt/flowbrush/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video \
    XDG_CACHE_HOME=/data/weights \
    TRITON_CACHE_DIR=/tmp/triton \
    CUDA_CACHE_PATH=/tmp/nv \
    FLOWBRUSH_HOST=0.0.0.0 \
    FLOWBRUSH_PORT=8000 \
    FLOWBRUSH_STATE_DIR=/data/state
# by number, so that an orchestrator can see that it is not root
USER 10001:10001
WORKDIR /home/flowbrush
VOLUME ["/data/state", "/data/weights"]
EXPOSE 8000
# listening on 0.0.0.0 needs FLOWBRUSH_API_KEYS, or FLOWBRUSH_PUBLISH=127.0.0.1 where the port is published on loopback only
# where the server listens, also where its command line says so
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s \
    CMD ["python", "/opt/flowbrush/healthcheck.py"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["flowbrush"]
CMD ["serve"]
