# The worker's image: one static binary on a base without a shell, for a user that is
# not root. docs/image.md says how to build it, run it and verify it.
#
# The build is reproducible: the same commit, bases and SOURCE_DATE_EPOCH come to the
# same image, on whatever machine. So nothing of the machine, the clock or the git
# folder goes in; the version comes as an argument.

# The Go command runs on the builder's own platform and cross-compiles.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
# Where modules come from, for whoever has a proxy of their own; go.sum decides what
# is taken in any case.
ARG GOPROXY
ENV CGO_ENABLED=0
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod \
    go mod download
COPY cmd/worker cmd/worker
COPY internal internal
ARG VERSION=devel
ARG TARGETOS=linux
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X main.version=$VERSION" -o /out/worker ./cmd/worker

# CA certificates, time zones, a user "nonroot", and no program.
FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=devel
ARG REVISION=unknown
LABEL org.opencontainers.image.title="managed-thing-updater" \
      org.opencontainers.image.description="Takes updates of managed things from an SQS queue and applies them through UpdateManagedThing of AWS IoT Managed Integrations" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.base.name="gcr.io/distroless/static-debian12:nonroot"
COPY --from=build /out/worker /usr/local/bin/worker
# By number: Kubernetes' runAsNonRoot cannot judge a name.
USER 65532:65532
EXPOSE 8080
# The binary asks itself. For Docker and Podman: OCI images have no health check, and
# Kubernetes and ECS take their own from the manifest and the task definition.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["/usr/local/bin/worker", "health"]
# The worker drains on SIGTERM, in at most WORKER_SHUTDOWN_TIMEOUT.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/worker"]
CMD ["run"]
