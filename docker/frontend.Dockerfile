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
COPY docker/nginx/frontend.conf /etc/nginx/conf.d/default.conf
COPY --from=build /app/packages/web/dist /usr/share/nginx/html
# Where the browser finds the gateway of docker-compose.yml; a volume over this file names another one.
RUN echo '{"gateway":"http://localhost","currency":"RUB"}' > /usr/share/nginx/html/config.json
EXPOSE 80
