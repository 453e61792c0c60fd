// The first run in a real browser, by keyboard alone, closed in the middle and gone on with.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, focused, open, text, visit } from "./visit.mjs";

open();

const heading = (page, pattern) => page.waitForFunction((source) => new RegExp(source).test(document.querySelector("h1")?.textContent ?? ""), pattern.source);

/** Presses Tab until what has the focus is called so. */
async function tabTo(page, pattern, most = 80) {
  for (let presses = 0; presses < most; presses += 1) {
    await page.keyboard.press("Tab");
    if (pattern.test(await focused(page))) return;
  }
  assert.fail(`no Tab reaches ${pattern}`);
}

async function press(page, pattern, key = "Enter") {
  await tabTo(page, pattern);
  await page.keyboard.press(key);
}

/** To the stage at which ten guests are configured. */
async function toGuests(page) {
  await heading(page, /Wake your first machine/);
  await press(page, /^Begin$/);
  await heading(page, /Which machine is the first/);
  await page.waitForSelector(".scan li:nth-child(6)");
  await press(page, /machine2\.lan/);
  assert.equal(await page.evaluate(() => document.activeElement.value), "machine2");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.value), "10.77.0.2");
  // Proxmox: switched on with the space bar, its address follows from the machine's.
  const proxmox = page.getByLabel("Proxmox VE API", { exact: true });
  for (let presses = 0; presses < 30 && !(await proxmox.last().evaluate((box) => box === document.activeElement)); presses += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.value), "https://10.77.0.2:8006");
  const secret = page.getByLabel("Token secret");
  for (let presses = 0; presses < 10 && !(await secret.evaluate((field) => field === document.activeElement)); presses += 1) await page.keyboard.press("Tab");
  await page.keyboard.type("correct-horse");
  await page.keyboard.press("Enter");
  await heading(page, /Can WakeHub talk to machine2/);
  for (const what of [/^Yes, accept this key$/, /^Yes, accept this certificate$/]) {
    await page.waitForFunction((source) => [...document.querySelectorAll(".presented .btn")].some((one) => new RegExp(source).test(one.textContent)), what.source);
    assert.equal(await page.locator(".presented").count(), 1);
    await press(page, what);
  }
  await page.waitForSelector("footer .btn-primary:has-text('Discover')");
  await press(page, /^Discover$/);
  await heading(page, /machine2 hosts 10 guests/);
}

test("from nothing to a pinned, running service by keyboard alone", async () => {
  await visit("empty&pace=40", "#/", async (page) => {
    await toGuests(page);
    await page.waitForSelector("footer .btn-primary:has-text('Configure 10')");
    await press(page, /^Configure 10$/);
    await heading(page, /What does nobody know but you/);
    assert.equal(await page.locator("fieldset").count(), 10);
    assert.match(await text(page, "fieldset:nth-of-type(3)"), /lxc-postgres starts before it/);
    await press(page, /^lxc-postgres starts before it: add it to what lxc-jellyfin needs$/);
    assert.equal(await focused(page), "Remove: lxc-jellyfin needs lxc-postgres");
    await press(page, /^Save all 10$/);
    await heading(page, /What belongs on the dashboard/);
    await press(page, /^Start lxc-jellyfin$/);
    await page.waitForSelector("dialog .rail");
    assert.deepEqual(await page.locator("dialog .rail .what > .name").allInnerTexts(), ["lxc-postgres", "lxc-jellyfin"]);
    await page.waitForFunction(() => document.activeElement?.textContent?.startsWith("Start"));
    await page.keyboard.press("Enter");
    await heading(page, /lxc-jellyfin runs/);
    await press(page, /^To the dashboard$/);
    await page.waitForSelector('.tile[data-node="lxc-jellyfin"][data-state="on"]');
    await page.reload();
    await page.waitForSelector("main h1");
    assert.equal(await page.evaluate(() => localStorage.getItem("wakehub.first-run")?.includes("correct-horse")), false);
  });
});

test("closed in the middle, it goes on where it was, and keeps no secret", async () => {
  await visit("empty&pace=20", "#/", async (page) => {
    await page.click(".btn:has-text('Begin')");
    await page.getByLabel("Name", { exact: true }).fill("attic");
    await page.getByLabel("Address", { exact: true }).fill("10.77.0.9");
    await page.locator("form .segments button:has-text('Password')").first().click();
    await page.getByLabel("SSH password").fill("correct horse");
    await page.goto("about:blank");
    await page.goBack();
    await heading(page, /Which machine is the first/);
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "attic");
    assert.equal(await page.getByLabel("Address", { exact: true }).inputValue(), "10.77.0.9");
    assert.equal(await page.getByLabel("SSH password").inputValue(), "");
    assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes("correct horse")), false);
  });
});

test("what the neighbour table does not know is asked for, without leaving the keyboard", async () => {
  await visit("empty&pace=10", "#/", async (page) => {
    await press(page, /^Begin$/);
    await page.waitForSelector(".scan li:nth-child(6)");
    assert.equal(await page.locator(".scan li", { hasText: "10.77.0.20" }).count(), 0);
    await press(page, /^Ask every address$/);
    await page.waitForSelector(".scan li:has-text('10.77.0.20')");
    assert.equal(await focused(page), "Ask every address");
    await page.waitForSelector(".scan [aria-disabled=false]:has-text('Ask every address')");
  });
});

test("every field of the batch has its message, and nothing is saved with one mistake", async () => {
  await visit("empty&pace=10", "#/", async (page) => {
    await toGuests(page);
    await page.click("footer .btn-primary");
    await heading(page, /What does nobody know but you/);
    const name = (at) => page.locator("fieldset").nth(at).getByLabel("Name", { exact: true });
    await name(0).fill("");
    await name(1).fill("machine2");
    await page.locator("fieldset").nth(2).getByLabel(/^Web page/).fill("jellyfin.lan");
    await page.click("footer .btn-primary");
    assert.equal(await page.locator("[aria-invalid]").count(), 3);
    assert.ok(await name(0).evaluate((field) => field === document.activeElement));
    assert.match(await text(page, "footer"), /3 fields need a look/);
    // Who needed it by its old name needs it by the new one.
    await name(1).fill("lxc-database");
    assert.match(await text(page, "fieldset:nth-of-type(5)"), /lxc-database/);
  });
});

test("what is found later is configured in one go too, with what compose hints at", async () => {
  await visit("evening&pace=10", "#/machines", async (page) => {
    await page.click(".found .btn");
    await heading(page, /Configure 5 on raspberry/);
    const web = page.locator("fieldset", { hasText: "paperless / web" });
    assert.match(await web.locator(".needs").innerText(), /paperless-redis suggested/);
    await web.getByLabel("Remove: paperless-web needs paperless-redis").click();
    await page.getByRole("button", { name: "Leave out vaultwarden" }).click();
    await page.click(".foot .btn-primary:has-text('Save all 4')");
    await page.waitForFunction(() => location.hash === "#/machines");
    await page.waitForSelector('[data-node="paperless-web"]');
    assert.match(await page.getAttribute('[data-node="raspberry"] .chip', "aria-label"), /^1 service to configure/);
    await page.evaluate(() => (location.hash = "#/graph"));
    await page.waitForSelector(".facts");
    assert.match(await text(page, ".facts tr:has(th:has-text('paperless-web'))"), /paperless-db/);
    assert.doesNotMatch(await text(page, ".facts tr:has(th:has-text('paperless-web'))"), /paperless-redis/);
  });
});

test("the demo homelab is one click away, and an import two", async () => {
  await visit("empty&pace=20", "#/", async (page) => {
    await page.click(".btn:has-text('Explore the demo')");
    await page.waitForSelector('.tile[data-node="jellystat"]');
  });
  await visit("empty&pace=20", "#/", async (page) => {
    await page.click("a:has-text('Import homelab.toml')");
    await page.getByLabel("Content of homelab.toml").waitFor();
  });
});

test("left for later, it does not come back by itself, and can be begun again", async () => {
  await visit("empty&pace=20", "#/", async (page) => {
    await page.click("a:has-text('Later')");
    await page.waitForFunction(() => location.hash === "#/");
    await page.reload();
    await page.waitForSelector(".btn:has-text('Begin')");
    assert.equal(await page.evaluate(() => location.hash), "#/");
    await page.click(".btn:has-text('Begin')");
    await page.waitForSelector(".way");
  });
});

test("axe-core finds nothing in the first run", async () => {
  for (const width of [1200, 360]) {
    await visit("empty&pace=1", "#/", async (page) => {
      const check = (where) => accessible(page, `${where} at ${width} px`);
      await page.waitForSelector(".way");
      await check("welcome");
      await page.click(".btn:has-text('Begin')");
      await page.waitForSelector(".scan li:nth-child(6)");
      await check("add");
      await page.click(".scan button:has-text('machine2')");
      await page.locator("form .segments button:has-text('Agent')").click();
      await page.locator("fieldset").nth(1).locator("input[type=checkbox]").check();
      await page.click("footer .btn-primary");
      await page.waitForSelector(".presented");
      await page.waitForSelector('[data-check="run"]', { state: "detached" });
      await check("test");
      for (const what of ["key", "certificate"]) await page.click(`.presented .btn:has-text('accept this ${what}')`);
      await page.click("footer .btn-primary:has-text('Discover')");
      await page.waitForSelector("footer .btn-primary:has-text('Configure')");
      await check("discover");
      await page.click("footer .btn-primary");
      await page.waitForSelector("#first-guests");
      await check("configure");
      await page.click("footer .btn-primary");
      await page.waitForSelector(".main li .btn-tonal");
      await check("pin");
    }, { viewport: { width, height: 800 } });
  }
});
