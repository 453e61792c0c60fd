// WakeHub ends, is killed, stands still or takes a token back while its pages are open in a real browser: they say so, offer
// nothing that cannot be done, and go on by themselves.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./serve.mjs";
import { signIn, tile, visit } from "./served.mjs";
import { runWakehub } from "./wakehub.mjs";

let wakehub;
let browser;
let token;

before(async () => {
  [wakehub, browser] = await Promise.all([runWakehub(), launch()]);
  token = await wakehub.token("control");
});

after(async () => {
  await browser?.close();
  await wakehub?.close();
});

const then = /WakeHub does not answer; this is how things stood then\. It is asked again until it does\./;
/** What Chromium itself says of a server that is not there. */
const gone = /net::ERR_|WebSocket|Failed to load resource/;
const alert = (page) => page.locator("main .notice[data-severity=critical]").filter({ hasText: then });
const lines = (page) => page.locator("main time").count();

/** That a page says what is the matter, shows nothing as live and offers nothing. */
async function saysSo(page) {
  await alert(page).waitFor();
  assert.equal(await alert(page).getAttribute("role"), "alert");
  await page.waitForSelector(".sidebar-foot >> text=WakeHub does not answer");
  assert.equal(await page.locator(".window.lost").count(), 1);
  assert.equal(await page.locator("main [aria-busy=true], main .outline, main .skeleton, main .trouble").count(), 0);
}

async function saysItIsBack(page) {
  await alert(page).waitFor({ state: "detached" });
  await page.waitForSelector("[role=log] >> text=WakeHub answers again.", { state: "attached" });
  assert.equal(await page.locator(".window.lost").count(), 0);
}

for (const end of ["stop", "kill"]) {
  test(`the pages outlive a WakeHub that is ${end === "stop" ? "ended" : "killed"} and started again`, async () => {
    const { nodes } = await wakehub.api(token, "GET", "snapshot");
    const { id } = nodes.find((node) => node.name === "lxc-jellyfin");
    await visit(browser, wakehub, ["#/", "#/", `#/node/${id}`, "#/journal"], async (dashboard, asked, node, journal) => {
      const start = dashboard.locator(`${tile("lxc-jellyfin")} .btn-tonal`);
      await start.waitFor();
      await asked.click(`${tile("lxc-jellyfin")} .btn-tonal`);
      await asked.waitForSelector("dialog .rail");
      await node.waitForSelector("main .actions .btn-primary, main .actions .btn-tonal");
      await journal.waitForSelector("main .day time");
      const known = await lines(journal);
      // what is still being read when WakeHub ends could only fail
      for (const page of [dashboard, asked, node, journal]) await page.waitForFunction(() => !document.querySelector("main .outline, main .skeleton, main [aria-busy=true]"));

      await wakehub[end]();
      await Promise.all([dashboard, asked, node, journal].map(saysSo));
      assert.equal(await start.isDisabled(), true);
      assert.equal(await start.getAttribute("title"), "WakeHub does not answer");
      assert.equal(await dashboard.locator(".place button").isDisabled(), true);
      const add = dashboard.locator("main .page-head .actions [role=link]");
      assert.equal(await add.getAttribute("aria-disabled"), "true");
      assert.equal(await add.getAttribute("href"), null);
      assert.equal(await node.locator("main .actions .btn:enabled:has-text('Start')").count(), 0);
      await asked.waitForSelector("dialog [role=alert] >> text=WakeHub does not answer.");
      const confirm = asked.locator("dialog .btn-primary");
      assert.equal(await confirm.isDisabled(), true);
      assert.equal(await lines(journal), known, "what was read stays in sight");

      await wakehub.start();
      await Promise.all([dashboard, asked, node, journal].map(saysItIsBack));
      await asked.waitForSelector("dialog .rail");
      assert.equal(await asked.locator("dialog [role=alert]").count(), 0);
      assert.equal(await start.isEnabled(), true);
      // the plan that was made anew can be run, and every page shows what comes of it
      await confirm.click();
      await asked.waitForSelector("dialog", { state: "detached" });
      await Promise.all([
        dashboard.waitForSelector(`${tile("lxc-jellyfin")}[data-state="on"]`),
        node.waitForSelector(".who .sub >> text=On"),
        journal.waitForFunction((known) => document.querySelectorAll("main time").length > known, known),
      ]);
    }, { token, expected: gone });
    const ended = await wakehub.api(token, "GET", "snapshot");
    assert.equal(ended.nodes.find((one) => one.id === id).power, "on");
    await wakehub.cli(["stop", "lxc-jellyfin", "--yes"]);
  });
}

test("what was being read when WakeHub ended is no error of the page, and is read when it is back", async () => {
  const { nodes } = await wakehub.api(token, "GET", "snapshot");
  const { id, pinned } = nodes.find((node) => node.name === "lxc-jellyfin");
  await visit(browser, wakehub, [`#/node/${id}`, `#/node/${id}`, "#/journal"], async (before, late, journal) => {
    const pages = [before, late, journal];
    for (const page of pages) {
      await page.waitForSelector("main time");
      await page.waitForFunction(() => !document.querySelector("main .outline, main .skeleton, main [aria-busy=true]"));
    }
    // one learns that its read failed before it knows that the line broke, the others after that
    let fail;
    const isLost = new Promise((done) => (fail = done));
    const journals = /\/api\/v1\/journal/;
    const asked = pages.map((page) => page.waitForRequest(journals));
    await before.route(journals, (route) => route.abort("connectionreset"));
    for (const page of [late, journal]) await page.route(journals, (route) => isLost.then(() => route.abort("connectionreset")));
    await wakehub.api(token, "PUT", `nodes/${id}/pinned`, { pinned: !pinned });
    await Promise.all(asked);
    await before.waitForSelector("main .trouble");

    await wakehub.stop();
    await Promise.all(pages.map((page) => alert(page).waitFor()));
    fail();
    await Promise.all(pages.map(saysSo));
    for (const page of pages) assert.notEqual(await lines(page), 0, "what was read stays in sight");

    for (const page of pages) await page.unroute(journals);
    const read = pages.map((page) => page.waitForResponse(journals));
    await wakehub.start();
    await Promise.all([...read, ...pages.map(saysItIsBack)]);
    for (const page of pages) assert.equal(await page.locator("main .trouble").count(), 0);
  }, { token, expected: gone });
  await wakehub.api(token, "PUT", `nodes/${id}/pinned`, { pinned });
});

test("a computer that slept finds out that the line is dead, and takes it up again", async () => {
  await visit(browser, wakehub, "#/", async (page) => {
    await page.clock.install();
    // what was not read by then is not shown as if it were still being read
    await page.route(/\/api\/v1\/savings/, () => {});
    await page.reload();
    await page.waitForSelector(tile("lxc-jellyfin"));
    // it neither ends nor answers, as when the network went away under a sleeping laptop
    process.kill(wakehub.pid, "SIGSTOP");
    try {
      await page.clock.fastForward("05:00");
      await page.clock.fastForward("00:11");
      await saysSo(page);
    } finally {
      process.kill(wakehub.pid, "SIGCONT");
    }
    await saysItIsBack(page);
    assert.equal(await page.locator(`${tile("lxc-jellyfin")} .btn-tonal`).isEnabled(), true);
  }, { token, expected: gone });
});

test("a token that is taken back leads from every page to the one that asks for another, with the reason", async () => {
  const taken = await wakehub.token("control", "Phone");
  await visit(browser, wakehub, ["#/journal", "#/"], async (journal, asked) => {
    await journal.waitForSelector("main .day time");
    await asked.click(`${tile("lxc-jellyfin")} .btn-tonal`);
    await asked.waitForSelector("dialog .rail");
    await wakehub.cli(["token", "remove", "Phone"]);
    for (const page of [journal, asked]) {
      await page.waitForSelector("[role=status] >> text=no longer");
      assert.equal(await page.locator("h1").innerText(), "Enter a token");
      assert.equal(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]).includes("wh-")), false);
    }
    // with another it goes on where it was
    await signIn(journal, token);
    assert.equal(await journal.locator("main h1").innerText(), "Journal");
  }, { token: taken, expected: gone });
});
