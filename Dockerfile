# The services as images that hold nothing but the program, its health check and the C libraries of both: no shell, no
# package manager. `docker-compose up --build` builds both; one alone: `docker build --target payment-service .`
#
# It uses nothing that only BuildKit knows, so that every builder takes it.
ARG RUST=1.95-bookworm

# What decides which dependencies are built: the manifests, and an empty source for each target that they name. It is made
# anew with every change, but the next stage sees only what it holds, and that is nearly always the same.
FROM rust:${RUST} AS manifests
WORKDIR /payflow
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -path '*/src/lib.rs' ! -path '*/src/main.rs' \
        ! -path '*/src/bin/*.rs' ! -path ./examples/program/tests/fixture/probe.rs -delete \
    && find . -type d -empty -delete \
    && find . -name '*.rs' -exec sh -c 'for file; do echo "fn main() { }" >"$file"; done' sh {} + \
    && find . -name lib.rs -exec truncate --size=0 {} +

FROM rust:${RUST} AS build
# For librdkafka.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ make zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /payflow
# Backtraces keep the names of functions, which is what an image has room for.
ENV CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=debuginfo
# The dependencies: a layer of minutes, which stays until a manifest or Cargo.lock changes.
COPY --from=manifests /payflow .
RUN cargo build --release --locked --package payment-service --package notification-service --package health-check
# The sources of what these three are built from. The other members of the workspace stay empty.
COPY proto proto
COPY payflow-core payflow-core
COPY payflow-grpc payflow-grpc
COPY payflow-http payflow-http
COPY payflow-kafka payflow-kafka
COPY examples examples
# Cargo goes by the time of a file, and a source may be older than the empty one that was built in its place. What build
# scripts of the dependencies have made stays as old as it is, and so built.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --package payment-service --package notification-service --package health-check
# The programs, and beside them, under their own paths, the libraries that the loader will look for, and the loader.
RUN mkdir /programs /libraries \
    && cd target/release \
    && cp payment-service notification-service health-check /programs \
    && ldd /programs/* | grep --only-matching '[[:space:]]/[^ ]*' | sort --unique \
        | xargs cp --parents --dereference --target-directory=/libraries

FROM scratch AS payment-service
COPY --from=build /libraries /
COPY --from=build /programs/payment-service /programs/health-check /
# Nobody of the host's, and nobody whom the programs would have to look up.
USER 65532:65532
ENV PAYFLOW_HTTP_ADDR=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["/health-check"]
ENTRYPOINT ["/payment-service"]

FROM scratch AS notification-service
COPY --from=build /libraries /
COPY --from=build /programs/notification-service /programs/health-check /
USER 65532:65532
ENV PAYFLOW_HTTP_ADDR=0.0.0.0:8081 PAYFLOW_GRPC_ADDR=0.0.0.0:50051
EXPOSE 8081 50051
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["/health-check"]
ENTRYPOINT ["/notification-service"]
