# flowbrush on a CPU: docker build -f docker/cpu.Dockerfile -t flowbrush:cpu .
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/flowbrush
ENV PATH=/opt/flowbrush/bin:$PATH
# torch first: it is large and changes rarely. On x86-64 the default wheel brings gigabytes of CUDA along: name an index of
# CPU wheels as TORCH_INDEX (PyTorch's own is on its page "Get started") to leave them out
COPY constraints.txt ./
ARG TORCH_INDEX=
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c constraints.txt torch
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY flowbrush flowbrush
COPY models models
COPY pipelines pipelines
COPY server server
COPY training training
COPY benchmarks benchmarks
COPY web web
# flowbrush/models, flowbrush/server, … link to the folders next to it
# EXTRAS=wan,ray for a node of a cluster
ARG EXTRAS=wan
RUN pip install -c constraints.txt ".[${EXTRAS}]"

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 flowbrush \
    && useradd --create-home --uid 10001 --gid 10001 flowbrush \
    && mkdir -p /data/state /data/weights \
    && chown -R 10001:10001 /data \
    && chmod 0700 /data/state
COPY --from=build /opt/flowbrush /opt/flowbrush
COPY docker/healthcheck.py /opt/flowbrush/healthcheck.py
ENV PATH=/opt/flowbrush/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/data/weights \
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
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "/opt/flowbrush/healthcheck.py"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["flowbrush"]
CMD ["serve"]
