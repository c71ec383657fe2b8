import { defineConfig } from "vite"

/** The page as static files: hashed names below assets/, no source maps, nothing from other hosts. */
export default defineConfig({
  build: { target: "es2023", assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: true },
  server: { port: 3000, host: "127.0.0.1", strictPort: true }
})
