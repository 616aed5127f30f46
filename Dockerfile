# syntax=docker/dockerfile:1
# docker build -t chain-teller . && docker run --env-file .env -p 127.0.0.1:8080:8080 chain-teller

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build

# A stage of its own: what only the build needs never gets near the image that runs.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="chain-teller" \
      org.opencontainers.image.licenses="Apache-2.0"
# In a container only what is published can be reached from outside, so it listens on every interface.
ENV NODE_ENV=production \
    HTTP_HOST=0.0.0.0 \
    HTTP_PORT=8080
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY migrations ./migrations
# Files stay root's: the process can read its own code and change none of it.
USER node
EXPOSE 8080
# Alive, not ready: a standby, and an instance that waits for its node, must not be restarted for it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HTTP_PORT}/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# The exec form makes node process 1, so that it gets SIGTERM itself and can drain and release.
ENTRYPOINT ["node", "--enable-source-maps", "dist/cli.js"]
CMD ["run"]
