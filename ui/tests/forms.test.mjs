// The forms in a real browser: mistakes at their field, secrets that stay away, the test of a connection, what was found.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, text, visit } from "./visit.mjs";

open();

test("the form says at each field what is wrong, before and after it was sent", async () => {
  await visit("evening&pace=10", "#/add?kind=machine", async (page) => {
    await page.click("button[type=submit]");
    assert.equal(await page.locator("[aria-invalid]").count(), 3);
    const name = page.getByLabel("Name", { exact: true });
    assert.ok(await name.evaluate((element) => element === document.activeElement));
    assert.equal(await text(page, `#${await name.getAttribute("aria-describedby")}`), "A node needs a name.");
    await name.fill("nas");
    assert.match(await text(page, "form"), /Another node has this name/);
    await name.fill("box");
    await page.getByLabel("Address", { exact: true }).fill("10.77.0.9");
    await page.getByLabel("MAC address").fill("52:54:00:00:00:09");
    assert.equal(await page.locator("[aria-invalid]").count(), 0);
    const key = page.getByLabel("Key file").last();
    await key.fill("/missing/key");
    await page.click("button[type=submit]");
    await page.waitForSelector("[aria-invalid]");
    assert.match(await text(page, "form"), /\/missing\/key: no such file/);
    await key.fill("~/.ssh/id_ed25519");
    await page.click("button[type=submit]");
    await page.waitForSelector("h1.name");
    assert.equal(await text(page, "h1"), "box");
  });
});

test("a secret is written and never shown again", async () => {
  await visit("evening&pace=10", "#/node/7/edit", async (page) => {
    const secret = page.getByLabel("SSH password");
    assert.equal(await secret.getAttribute("type"), "password");
    await secret.fill("correct horse");
    await page.click("button[type=submit]");
    await page.waitForSelector("h1.name");
    await page.goto(page.url().replace(/#.*/, "#/node/7/edit"));
    await page.waitForSelector("form");
    assert.equal(await page.getByLabel("SSH password").inputValue(), "");
    assert.match(await text(page, "form"), /Kept in the keyring/);
    assert.ok(!(await page.content()).includes("correct horse"));
  });
});

test("the connection test shows each check, and accepting a key goes on", async () => {
  await visit("evening&pace=30", "#/node/1/edit", async (page) => {
    await page.click("aside .btn:has-text('Test connection')");
    await page.waitForSelector(".presented");
    assert.match(await text(page, ".presented"), /Is this its key\?/);
    assert.match(await text(page, ".presented code"), /Hq3v\s*9TzW/);
    await page.click(".presented .btn:has-text('It differs')");
    assert.match(await text(page, ".presented"), /Do not accept it/);
    await page.click(".presented .btn:has-text('Yes, accept this key')");
    await page.waitForSelector('[data-check="warning"]');
    assert.match(await text(page, "aside"), /with key ~\/.ssh\/id_ed25519/);
    assert.match(await text(page, "aside"), /missing: VM\.PowerMgmt on \/vms/);
  });
});

test("a changed key shows both fingerprints", async () => {
  await visit("troubled&pace=0", "#/node/7", async (page) => {
    const shown = await text(page, ".presented");
    assert.match(shown, /The host key has changed/);
    assert.equal(await page.locator(".presented code").count(), 2);
    await page.click(".presented .btn-critical");
    await page.waitForSelector(".presented", { state: "detached" });
  });
});

test("what was found is configured one after the other, from filled forms", async () => {
  await visit("evening&pace=10", "#/machines", async (page) => {
    assert.match(await text(page, ".found"), /Found on raspberry, not configured: vaultwarden, uptime-kuma/);
    await page.evaluate(() => (location.hash = "#/configure/12/vaultwarden"));
    await page.waitForSelector("form");
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "vaultwarden");
    assert.equal(await page.getByLabel("Container name").inputValue(), "vaultwarden");
    await page.click("button[type=submit]");
    await page.waitForFunction(() => document.querySelector("h1")?.textContent?.includes("uptime-kuma"));
    await page.goto(page.url().replace(/#.*/, "#/machines"));
    assert.match(await page.getAttribute('[data-node="raspberry"] .chip', "aria-label"), /^4 services to configure/);
  });
});

test("what happens by the clock is read in words while it is typed, and kept", async () => {
  await visit("evening&pace=10", "#/node/1/edit", async (page) => {
    await page.click("summary:has-text('By the clock')");
    await page.click(".btn:has-text('Add a stop')");
    const cron = page.getByLabel("When", { exact: true });
    assert.ok(await cron.evaluate((element) => element === document.activeElement));
    await cron.fill("0 18 * *");
    await page.click("button[type=submit]");
    assert.equal(await text(page, `#${(await cron.getAttribute("aria-describedby")).split(" ").pop()}`), "Five fields, as 0 18 * * 1-5 for every weekday at 18:00.");
    await cron.fill("0 18 * * 1-5");
    await page.waitForSelector(".schedules [role=status]:has-text('Every weekday at 18:00')");
    assert.match(await text(page, ".schedules [role=status]"), /Next: /);
    await page.click(".btn:has-text('Add hours')");
    await page.getByLabel("From", { exact: true }).fill("23:00");
    await page.getByRole("group", { name: "On which days it begins" }).getByRole("button", { name: "Fri" }).click();
    await page.click("button[type=submit]");
    await page.waitForSelector("h1.name");
    await page.goto(page.url().replace(/#.*/, "#/node/1/edit"));
    await page.waitForSelector(".schedules");
    assert.equal(await page.getByLabel("When", { exact: true }).inputValue(), "0 18 * * 1-5");
    assert.equal(await page.locator(".schedules [aria-pressed=true]").textContent(), "Stop");
    assert.equal(await page.getByLabel("From", { exact: true }).inputValue(), "23:00");
    assert.equal(await page.locator(".days [aria-pressed=true]").textContent(), "Fri");
    await page.getByRole("button", { name: "Remove this time" }).click();
    assert.equal(await page.locator(".schedules").count(), 0);
  });
});
