// Who else may reach WakeHub: switched on, asked about, given tokens and taken back, in the settings of the window; and what
// a browser is told instead.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, open, text, visit } from "./visit.mjs";

open();

const access = "section.card:has(h2:text-is('Access'))";
const tokens = "section.card:has(h2:text-is('Tokens'))";

test("browsers are answered on this computer at once, on the network after a yes", async () => {
  await visit("evening&pace=0", "#/settings", async (page) => {
    await page.waitForSelector(access);
    await page.getByRole("switch", { name: "Answer browsers" }).check();
    await page.waitForSelector(`${access} .url`);
    assert.deepEqual(await page.locator(`${access} .url`).allInnerTexts(), ["http://localhost:9253"]);
    await page.click(`${access} button:text-is('The network')`);
    await page.waitForSelector(`${access} .heed`);
    assert.match(await text(page, `${access} .heed`), /Everybody on that network can then reach WakeHub.+can read the token/);
    assert.deepEqual(await page.locator(`${access} .url`).allInnerTexts(), ["http://localhost:9253"], "nothing is done before the yes");
    await accessible(page, "the warning");
    await page.click(`${access} .heed button:text-is('Cancel')`);
    await page.waitForSelector(`${access} button:text-is('This computer')[aria-pressed=true]`);
    await page.click(`${access} button:text-is('The network')`);
    await page.click(`${access} .heed button:text-is('Listen all the same')`);
    await page.waitForSelector(`${access} .url >> text=192.168.1.5`);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.waitForSelector(`${access} button:text-is('This computer')[aria-pressed=true]`);
  });
});

test("what cannot be an address, a port or a name is said at its field", async () => {
  await visit("evening&pace=0", "#/settings", async (page) => {
    await page.getByRole("switch", { name: "Answer browsers" }).check();
    await page.click(`${access} button:text-is('One address')`);
    const wrong = async (label, typed, said) => {
      const field = page.getByLabel(label, { exact: true });
      await field.fill(typed);
      await field.press("Enter");
      await page.waitForSelector("[aria-invalid]");
      assert.match(await text(page, `#${await field.getAttribute("aria-describedby")}`), said);
      await field.press("Escape");
    };
    await wrong("Address", "nas.local", /An IP address/);
    await wrong("Port", "70000", /from 1 to 65535/);
    await wrong("Names of a proxy", "https://x/y", /host names, without scheme/);
    const address = page.getByLabel("Address", { exact: true });
    await address.fill("203.0.113.7");
    await address.press("Enter");
    await page.waitForSelector(`${access} .heed`);
    assert.match(await text(page, `${access} .heed`), /The whole internet/);
    await page.click(`${access} .heed button:text-is('Cancel')`);
    const port = page.getByLabel("Port", { exact: true });
    await port.fill("80");
    await port.press("Enter");
    await page.waitForSelector(`${access} .failed`);
    assert.match(await text(page, `${access} .failed`), /Address already in use/);
  });
});

test("a token is made by keyboard, shown once, listed without its secret and removed after a question", async () => {
  await visit("evening&pace=0", "#/settings", async (page) => {
    await page.getByRole("button", { name: "Make a token" }).press("Enter");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog [aria-invalid]");
    assert.match(await text(page, "dialog form"), /A token needs a name/);
    await page.keyboard.type("Phone");
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowUp");
    await accessible(page, "the form of a token");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog [data-token]");
    const token = await text(page, "dialog [data-token]");
    assert.match(token, /^wh-[a-z\d]{4}-[a-z\d]{26}$/);
    await accessible(page, "the token");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.match(await text(page, tokens), /Phone\s+Made \d\d:\d\d, never used\s+Look/);
    assert.ok(!(await page.content()).includes(token));
    // the same name once more is said at the field
    await page.getByRole("button", { name: "Make a token" }).click();
    await page.keyboard.type("Phone");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog [aria-invalid]");
    assert.match(await text(page, "dialog form"), /Another token has this name/);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Remove the token Phone" }).click();
    assert.equal(await text(page, "dialog h2"), "Remove the token Phone?");
    await page.click("dialog .btn-critical");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.equal(await page.locator(`${tokens} li`).count(), 0);
  });
});

test("a browser is offered no tokens, and is told where they are made", async () => {
  for (const right of ["read", "control"]) {
    await visit(`evening&pace=0&right=${right}`, "#/settings", async (page) => {
      await page.waitForSelector(access);
      assert.match(await text(page, access), /in WakeHub’s own window, or there with wakehub token/);
      assert.equal(await page.locator(tokens).count(), 0);
      assert.equal(await page.getByRole("switch", { name: "Answer browsers" }).count(), 0);
    });
  }
});
