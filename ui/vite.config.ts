import tailwindcss from "@tailwindcss/vite";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

type Modules = (id: string) => { importedIds: string[] } | null;

const begin = fileURLToPath(new URL("./src/main.ts", import.meta.url));
let found: Set<string> | undefined;

/** Every module that the entry imports, and what those import, and so on; what is imported later is none of them. Nor is the
 * entry: it waits for what is imported later, which would wait for the file that the entry is in. */
function firstPage(of: Modules): Set<string> {
  if (found) return found;
  found = new Set(of(begin)?.importedIds);
  for (const id of found) for (const next of of(id)?.importedIds ?? []) found.add(next);
  found.delete(begin);
  return found;
}

// The mode `fake` builds the window with a pretended homelab behind it, for a browser and for the tests in ui/tests.
export default defineConfig(({ mode }) => ({
  base: "./",
  plugins: [tailwindcss(), svelte()],
  resolve: {
    alias: {
      $lib: fileURLToPath(new URL("./src/lib", import.meta.url)),
      $components: fileURLToPath(new URL("./src/components", import.meta.url)),
    },
    // Without this the tests would get Svelte's server build, in which runes stand still.
    ...(mode === "test" ? { conditions: ["browser"] } : {}),
  },
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
    // What the first page needs comes in one file instead of fourteen, each of which the program would have to be asked for.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: (id, context) => (firstPage((one) => context.getModuleInfo(one)).has(id) ? "first" : null) }] } } },
  },
  define: { __FAKE__: JSON.stringify(mode === "fake" || mode === "development" || mode === "test") },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts"], restoreMocks: true },
}));
