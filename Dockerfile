FROM python:3.13.9-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements/ requirements/
# The environment gets what runs and nothing that builds, not even pip.
RUN pip install --require-hashes -r requirements/build.txt \
 && python -m venv --without-pip /opt/accord \
 && pip --python /opt/accord/bin/python install --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY openapi/ openapi/
COPY src/ src/
RUN pip --python /usr/local/bin/python wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /opt/accord/bin/python install --no-deps /wheels/*.whl

FROM python:3.13.9-slim-bookworm
ENV PATH=/opt/accord/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENV=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    DATA_DIR=/tmp/accord
RUN groupadd --gid 10001 accord \
 && useradd --uid 10001 --gid accord --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin accord
COPY --from=build /opt/accord /opt/accord
# By number, so that an orchestrator can check that it is not root. Nothing is written outside /tmp.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["accord"]
CMD ["gateway"]
