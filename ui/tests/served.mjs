// Pages as WakeHub itself serves them, visited with a token.
import assert from "node:assert/strict";

/** The tile of a pinned node. */
export const tile = (name) => `.tile[data-node="${name}"]`;

/**
 * Opens a page that WakeHub serves, or several side by side, and runs the steps. What the page complained about, and nobody `expected`, fails the test.
 *
 * @param {object} options
 * @param {string} [options.token] One that the browser remembers already; without, the page asks for it.
 * @param {RegExp} [options.expected] Complaints that are in order.
 */
export async function visit(browser, wakehub, hashes, steps, { token, expected = /^$/, ...options } = {}) {
  const localStorage = [{ name: "wakehub-token", value: token }];
  const kept = token === undefined ? {} : { storageState: { cookies: [], origins: [{ origin: new URL(wakehub.url).origin, localStorage }] } };
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, locale: "en-GB", reducedMotion: "reduce", ...kept, ...options });
  const complaints = [];
  const note = (text) => expected.test(text) || complaints.push(text);
  context.on("weberror", (error) => note(error.error().message));
  context.on("console", (message) => message.type() === "error" && note(message.text()));
  try {
    const pages = [];
    for (const hash of [hashes].flat()) {
      pages.push(await context.newPage());
      await pages.at(-1).goto(`${wakehub.url}${hash}`);
    }
    await steps(...pages);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

export async function signIn(page, token) {
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".window main h1");
}
