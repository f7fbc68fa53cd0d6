# The server as an image: docker build -t persona-assistant .
# It listens to the network, so it wants to know who may do what:
#   docker run -p 8000:8000 -v ./keys.yaml:/keys.yaml:ro \
#     -e AUTH_MODE=api_key -e API_KEYS_FILE=/keys.yaml persona-assistant
# or, for a look from this machine only:
#   docker run -p 127.0.0.1:8000:8000 -e ALLOW_NO_AUTH=true persona-assistant
# Python 3.12 or later: on 3.11 a cancellation that meets a connection attempt can be lost.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src

# What changes seldom comes first: the locked packages, then the project.
COPY config/locks/build.txt config/locks/runtime.txt config/locks/
RUN python -m venv /opt/assistant \
 && python -m pip install --require-hashes --no-deps -r config/locks/build.txt \
 && /opt/assistant/bin/python -m pip install --require-hashes --no-deps -r config/locks/runtime.txt

COPY pyproject.toml README.md LICENSE ./
COPY agents/ agents/
COPY assistant/ assistant/
COPY config/redaction.yaml config/
RUN python -m pip wheel --no-build-isolation --no-deps --wheel-dir dist . \
 && /opt/assistant/bin/python -m pip install --no-index --no-deps dist/*.whl \
 && /opt/assistant/bin/python -m compileall -q /opt/assistant/lib

FROM python:3.13-slim
RUN groupadd --system --gid 10001 assistant \
 && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /data assistant \
 && install --directory --owner=assistant --group=assistant --mode=700 /data
COPY --from=build /opt/assistant /opt/assistant

ENV PATH=/opt/assistant/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/health/live\", timeout=4)"]
CMD ["assistant", "serve"]
