# The page: built by Node, served by nginx. Nothing here needs BuildKit.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY packages/contracts/package.json packages/contracts/
COPY packages/client/package.json packages/client/
COPY packages/web/package.json packages/web/
RUN npx -y pnpm@11 install --frozen-lockfile --config.verify-deps-before-run=false --filter @g-store/web...
COPY packages/contracts packages/contracts
COPY packages/client packages/client
COPY packages/web packages/web
RUN cd packages/web && node node_modules/vite/bin/vite.js build

FROM nginx:1.29
COPY docker/nginx/frontend.conf.template /etc/nginx/templates/default.conf.template
COPY --from=build /app/packages/web/dist /usr/share/nginx/html
# Where the browser finds the gateway: PUBLIC_GATEWAY_URL, or GATEWAY_PORT of this machine.
ENV PUBLIC_GATEWAY_URL="" GATEWAY_PORT=80 CURRENCY=RUB
EXPOSE 80
