# The control plane, and the echo backend of compose/quickstart. `docker build -t pilotfish .`
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/pilotfish
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY protos protos
COPY translators translators
COPY xds_server xds_server
RUN /opt/pilotfish/bin/pip install --no-cache-dir --constraint constraints.txt ".[kubernetes]"

FROM python:3.11-slim
# `pilotfish iptables`, in the init container that injection adds.
RUN apt-get update && apt-get install -y --no-install-recommends iproute2 iptables && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/pilotfish /opt/pilotfish
# HOME, since the user below has no entry in /etc/passwd and the client of Kubernetes asks for one.
ENV HOME=/tmp PATH=/opt/pilotfish/bin:$PATH PYTHONUNBUFFERED=1
# A number, so that Kubernetes can see that it is not root; Istio's own processes run as 1337 too.
USER 1337:1337
EXPOSE 15010 15014 15017
# Ready once every source is read and the first translation is done.
HEALTHCHECK --interval=2s --timeout=2s --start-period=20s --retries=10 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:15014/readyz', timeout=2)"]
ENTRYPOINT ["pilotfish"]
CMD ["--help"]
