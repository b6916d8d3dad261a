# EO Bench in a container: the server and one worker on one volume. Behind a TLS proxy set EOBENCH_SECURE_COOKIES=1.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY eobench_dash eobench_dash
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -c constraints.txt '.[postgres]'

FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends fonts-dejavu-core && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 eobench && install -d -o eobench -g eobench -m 0700 /workspace
COPY --from=build /venv /venv
WORKDIR /app
COPY app.py ./
COPY assets assets
ENV PATH=/venv/bin:$PATH EOBENCH_HOME=/workspace EOBENCH_HOST=0.0.0.0 EOBENCH_LOG_FORMAT=json PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/workspace/cache/numba
USER eobench
VOLUME /workspace
EXPOSE 8050
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8050/health', timeout=4)"
CMD ["eobench", "serve"]
