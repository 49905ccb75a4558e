# Driftless: the control plane (`serve`, the default), the command line, and the simulated Cloudflare
# (`node /app/src/simulator/main.ts`). Needs a Node and a Debian base image and the npm registry, nothing else; runs as
# an ordinary user and writes to /data and /tmp alone. The build and how large it is: docs/kubernetes.md.
FROM node:26-bookworm-slim AS build
# Node is linked to libatomic. Official Node images have it; on a bare Debian with a Node put in, Debian's is taken.
RUN ldconfig -p | grep -q 'libatomic\.so\.1' \
  || { apt-get update -qq && apt-get install -y -qq --no-install-recommends libatomic1; }
WORKDIR /app

# Dependencies before source: an edit of the source keeps these layers.
COPY package.json package-lock.json ./
COPY tools/runtime/package.json tools/runtime/
COPY tools/image/ tools/image/
RUN node tools/image/runtime-lock.mjs /runtime \
  && npm ci --prefix /runtime --ignore-scripts --no-audit --no-fund \
  && sh tools/image/runtime.sh /runtime /out/runtime
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && node tools/image/sbom.mjs > /out/sbom.cdx.json \
  && sh tools/image/dependencies.sh node_modules /out/dependencies
COPY src/ src/
COPY migrations/ migrations/
COPY LICENSE ./
RUN sh tools/image/application.sh /out/application

FROM debian:bookworm-slim
COPY --from=build /out/runtime/ /
COPY --from=build /out/dependencies/ /
COPY --from=build /out/application/ /
COPY --from=build --chown=65532:65532 /out/writable/ /
ENV NODE_ENV=production DRIFTLESS_HOST=0.0.0.0 DRIFTLESS_DATA_DIR=/data HOME=/tmp
WORKDIR /app
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["driftless"]
CMD ["serve"]
