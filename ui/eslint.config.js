import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

export default ts.config(
  { ignores: ["**/dist/**", "**/dist-fake/**", "**/shots/**", "**/bindings.ts"] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, __FAKE__: "readonly" } },
    rules: {
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-console": "error",
      // Only ui/src/lib/backend talks to Tauri; everybody else asks the Backend.
      "no-restricted-imports": ["error", { patterns: ["@tauri-apps/*"] }],
      // The routes are hashes of our own, not SvelteKit's.
      "svelte/no-navigation-without-resolve": "off",
      // Sets and maps here are replaced, never changed in place.
      "svelte/prefer-svelte-reactivity": "off",
    },
  },
  { files: ["**/*.svelte", "**/*.svelte.ts"], languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } } },
  { files: ["**/src/lib/backend/tauri.ts"], rules: { "no-restricted-imports": "off" } },
  { files: ["**/ui/tests/**", "**/ui/*.js", "**/ui/*.ts"], languageOptions: { globals: globals.node }, rules: { "no-console": "off" } },
);
