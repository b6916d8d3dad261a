# EO Bench in a container: the server and its worker on one volume. Off loopback a key has to be given, for example
#   docker run -p 8050:8050 -v eobench:/workspace -v ./secret:/run/secrets/eobench:ro -v /data:/data:ro eobench
# Behind a TLS proxy set EOBENCH_SECURE_COOKIES=1 and EOBENCH_TRUSTED_PROXIES=1.
FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends fonts-dejavu-core && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 eobench && install -d -o eobench -g eobench -m 0700 /workspace
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE app.py ./
COPY eobench_dash eobench_dash
COPY assets assets
# Editable: the assets lie beside the package.
RUN pip install --no-cache-dir -c constraints.txt -e '.[postgres]'
# Kernels that were compiled once are kept on the volume (the program's own folder is not writable).
ENV EOBENCH_HOME=/workspace EOBENCH_HOST=0.0.0.0 EOBENCH_DATA_ROOTS=/data EOBENCH_LOG_FORMAT=json \
    EOBENCH_SECRET_KEY_FILE=/run/secrets/eobench NUMBA_CACHE_DIR=/workspace/cache/numba PYTHONUNBUFFERED=1
USER eobench
VOLUME /workspace
EXPOSE 8050
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8050/health', timeout=4)"
CMD ["eobench", "serve"]
