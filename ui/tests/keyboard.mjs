// A person without a mouse: every key goes to what has the focus, and only Tab gets there.
import assert from "node:assert/strict";

/** How a screen reader would call what has the focus. */
export const focused = (page) =>
  page.evaluate(() => {
    const one = document.activeElement;
    const label = one?.getAttribute("aria-label") ?? one?.labels?.[0]?.querySelector(".label, b, .name")?.textContent ?? one?.labels?.[0]?.textContent ?? one?.textContent ?? "";
    return label.replace(/\s+/g, " ").trim();
  });

/** Presses Tab until what has the focus is called so. */
export async function tabTo(page, name, { back = false, most = 120 } = {}) {
  const passed = [];
  for (let presses = 0; presses < most; presses += 1) {
    await page.keyboard.press(back ? "Shift+Tab" : "Tab");
    const now = await focused(page);
    if (name.test(now)) return;
    passed.push(now.slice(0, 40));
  }
  assert.fail(`no Tab reaches ${name}; it went over ${passed.join(" | ")}`);
}

/** Goes to it by Tab and presses a key there. */
export async function press(page, name, key = "Enter") {
  await tabTo(page, name);
  await page.keyboard.press(key);
}

/** Goes to the field by Tab and types, in the place of what is there. */
export async function type(page, name, text) {
  await tabTo(page, name);
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(text);
}

export const value = (page) => page.evaluate(() => document.activeElement.value);

export const heading = (page, pattern) => page.waitForFunction((source) => new RegExp(source).test(document.querySelector("h1")?.textContent ?? ""), pattern.source, { timeout: 15_000 });
