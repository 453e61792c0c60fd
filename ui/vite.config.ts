import tailwindcss from "@tailwindcss/vite";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// The mode `fake` builds the window with a pretended homelab behind it, for a browser and for the tests in ui/tests.
export default defineConfig(({ mode }) => ({
  base: "./",
  plugins: [tailwindcss(), svelte(), svelteTesting()],
  resolve: { alias: { $lib: fileURLToPath(new URL("./src/lib", import.meta.url)), $components: fileURLToPath(new URL("./src/components", import.meta.url)) } },
  // Tauri waits for exactly this port.
  server: { port: 5173, strictPort: true },
  clearScreen: false,
  build: {
    outDir: mode === "fake" ? "dist-fake" : "dist",
    emptyOutDir: true,
    target: "safari15",
    // A data: font or icon would need a wider content security policy than 'self' for no gain.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  define: { __FAKE__: JSON.stringify(mode === "fake" || mode === "development" || mode === "test") },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts"], restoreMocks: true },
}));
