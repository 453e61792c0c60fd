// The window in a real browser against the pretended homelab: the flows that a person goes through, and axe-core on every
// page in light and dark. Any error on the console, a breach of the content security policy included, fails the test.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { build, launch, serve } from "./serve.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let server;
let browser;

before(async () => {
  build();
  server = await serve();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Opens a page of a scenario, runs the steps and fails on anything that the page complained about. */
async function visit(scenario, hash, steps, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, locale: "en-GB", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  try {
    await page.goto(`${server.url}?fake=${scenario}${hash}`);
    await page.waitForSelector("main h1");
    await steps(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

const tile = (name) => `.tile[data-node="${name}"]`;
const text = async (page, selector) => (await page.locator(selector).innerText()).replaceAll("\u00A0", " ");
const focused = (page) => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");

test("a start shows its plan, runs step by step and ends lit", async () => {
  await visit("quiet&pace=200", "#/", async (page) => {
    await page.click(`${tile("lxc-jellyfin")} .btn-tonal`);
    assert.match(await text(page, "dialog h2"), /^Start lxc-jellyfin$/);
    const steps = await page.locator("dialog .rail .what > .name").allInnerTexts();
    assert.deepEqual(steps, ["nas", "lxc-jellyfin"]);
    assert.match(await text(page, "dialog dl"), /machine2 on already/);
    assert.match(await focused(page), /^Start/);
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.waitForSelector('.cascade li[aria-current="step"]');
    await page.waitForSelector(`${tile("lxc-jellyfin")}[data-state="on"][data-lit]`);
    await page.waitForSelector(`${tile("nas")}[data-state="on"]`);
    const told = await page.locator('[role="log"]').textContent();
    assert.match(told, /lxc-jellyfin is ready\./);
  });
});

test("Escape and Cancel close the plan, and the focus returns", async () => {
  await visit("quiet&pace=0", "#/", async (page) => {
    const start = page.locator(`${tile("nas")} .btn-tonal`);
    await start.click();
    await page.waitForSelector("dialog .rail");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.ok(await start.evaluate((element) => element === document.activeElement));
    await start.click();
    await page.click("dialog footer .btn:has-text('Cancel')");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.equal(await page.locator(".cascade").count(), 0);
  });
});

test("a stop names its dependants, counts them and begins with the focus on Cancel", async () => {
  await visit("used&pace=50", "#/node/11", async (page) => {
    await page.click(".node-head .btn:has-text('Shut down')");
    await page.waitForSelector("dialog .rail");
    assert.equal(await text(page, "dialog h2"), "Stop nas and its 3 dependants?");
    assert.equal(await page.getAttribute("dialog", "role"), "alertdialog");
    assert.match(await text(page, "dialog .heed"), /qbittorrent, sandbox, lxc-jellyfin go down too/);
    assert.equal(await focused(page), "Cancel");
    await page.click("dialog .btn-critical:has-text('Stop all 4')");
    await page.waitForSelector('.who[data-state="off"]');
  });
});

test("a stop that frees something asks about it, and an answer settles the question", async () => {
  await visit("used&pace=30", "#/", async (page) => {
    for (const name of ["lxc-jellyfin", "qbittorrent"]) {
      await page.click(`${tile(name)} .btn-ghost:has-text('Stop')`);
      await page.click("dialog footer .btn:last-child");
      await page.waitForSelector(`${tile(name)}[data-state="off"]`);
    }
    await page.waitForSelector(".question");
    assert.match(await text(page, ".question"), /nas is no longer needed\. Shut it down\?/);
    assert.match(await text(page, ".question"), /No answer keeps it on/);
    await page.click(".question .btn:has-text('Keep on')");
    await page.waitForSelector(".question", { state: "detached" });
    await page.waitForSelector(`${tile("nas")}[data-state="on"]`);
  });
});

test("a busy homelab offers to queue", async () => {
  await visit("quiet&pace=0&when=busy", "#/", async (page) => {
    await page.click(`${tile("lxc-jellyfin")} .btn-tonal`);
    await page.click("dialog .btn-primary");
    await page.waitForSelector("dialog .heed");
    assert.match(await text(page, "dialog .heed"), /nas is busy with the start of jellystat/);
    await page.click("dialog .btn:has-text('Queue behind it')");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.match(await text(page, "aside.now"), /Start lxc-jellyfin, once the running cascade has ended/);
    await page.click("aside.now .btn:has-text('Do not wait')");
    await page.waitForFunction(() => !document.querySelector("aside.now").textContent.includes("once the running"));
  });
});

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
    assert.match(await text(page, "aside"), /logged in/);
    assert.match(await text(page, "aside"), /missing: VM\.PowerMgmt/);
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
    assert.match(await text(page, '[data-node="raspberry"]'), /4 to configure/);
  });
});

test("the tree is moved through, folded, pinned and started by keyboard", async () => {
  await visit("quiet&pace=0", "#/machines", async (page) => {
    const at = () => page.evaluate(() => document.activeElement?.getAttribute("data-node"));
    await page.locator('[data-node="machine1"]').focus();
    await page.keyboard.press("ArrowDown");
    assert.equal(await at(), "vm-docker");
    await page.keyboard.press("ArrowLeft");
    assert.equal(await page.getAttribute('[data-node="vm-docker"]', "aria-expanded"), "false");
    assert.equal(await page.locator('[data-node="jellystat"]').count(), 0);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    assert.equal(await at(), "jellystat");
    await page.keyboard.press("p");
    await page.waitForSelector('[data-node="jellystat"] [aria-pressed="false"]');
    await page.keyboard.press("s");
    await page.waitForSelector("dialog .rail");
    await page.keyboard.press("Escape");
    await page.keyboard.press("End");
    assert.equal(await at(), "nextcloud");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("h1")?.textContent === "nextcloud");
  });
});

test("the table is as wide as its card", async () => {
  for (const width of [1600, 1024, 360]) {
    await visit(
      "evening&pace=0",
      "#/machines",
      async (page) => {
        const [row, card] = await page.evaluate(() => ['[data-node="nas"]', ".table-card"].map((one) => document.querySelector(one).clientWidth));
        assert.equal(row, card, `at ${width} px`);
      },
      { viewport: { width, height: 900 } },
    );
  }
});

test("several are selected by keyboard and by mouse, and stopped after one look at all of it", async () => {
  await visit("used&pace=30", "#/machines", async (page) => {
    await page.locator('[data-node="nas"]').focus();
    await page.keyboard.press("Space");
    await page.locator('[data-node="lxc-jellyfin"] .name').first().hover();
    await page.click('[data-node="lxc-jellyfin"] input');
    assert.match(await text(page, ".bulk"), /2 selected/);
    await page.click(".bulk .btn:has-text('Stop')");
    await page.waitForSelector("dialog .rail");
    assert.equal(await text(page, "dialog h2"), "Stop 2 nodes and 2 dependants?");
    assert.match(await text(page, "dialog .heed"), /qbittorrent, sandbox go down too/);
    assert.equal(await focused(page), "Cancel");
    await page.click("dialog .btn-critical:has-text('Stop all 4')");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.waitForSelector('[data-node="nas"][data-state="off"]');
    assert.equal(await page.getAttribute('[data-node="vm-homeassistant"]', "data-state"), "on");
    await page.keyboard.press("Escape");
  });
});

test("several are pinned at once, and that is taken back", async () => {
  await visit("unpinned&pace=0", "#/machines", async (page) => {
    await page.locator('[data-node="machine1"]').focus();
    await page.keyboard.press("Control+a");
    assert.match(await text(page, ".bulk"), /14 selected/);
    await page.click(".bulk .btn:has-text('Pin')");
    await page.waitForFunction(() => document.querySelectorAll('.pin[aria-pressed="true"]').length === 14);
    await page.click(".undo .btn:has-text('Undo')");
    await page.waitForFunction(() => document.querySelectorAll('.pin[aria-pressed="true"]').length === 0);
  });
});

test("the table is filtered, sorted, laid flat, and the same again after a visit to a node", async () => {
  await visit("evening&pace=0", "#/machines", async (page) => {
    const names = () => page.locator("[data-node] .c-name a.name").allInnerTexts();
    await page.click(".more .btn:has-text('Filter')");
    await page.getByLabel("LXCs").check();
    await page.keyboard.press("Escape");
    assert.deepEqual(await names(), ["machine2", "lxc-jellyfin", "lxc-cloudflared"]);
    await page.click(".segments button:has-text('Flat')");
    assert.deepEqual(await names(), ["lxc-jellyfin", "lxc-cloudflared"]);
    await page.click(".thead button:has-text('Name')");
    assert.deepEqual(await names(), ["lxc-cloudflared", "lxc-jellyfin"]);
    assert.equal(await page.getAttribute(".thead [role=columnheader]", "aria-sort"), "ascending");
    await page.click('[data-node="lxc-jellyfin"] a.name');
    await page.waitForSelector("h1.name");
    await page.goBack();
    await page.waitForSelector(".table");
    assert.deepEqual(await names(), ["lxc-cloudflared", "lxc-jellyfin"]);
    await page.evaluate(() => (location.hash = "#/machines?show=off"));
    await page.waitForSelector('[data-node="sandbox"]');
    assert.deepEqual(await names(), ["qbittorrent", "sandbox"]);
  });
});

test("an import is refused as a whole with the line, or says what it still needs", async () => {
  await visit("quiet&pace=0", "#/settings", async (page) => {
    const area = page.getByLabel("Content of homelab.toml");
    await area.fill('[[node]]\nname = "x"\ncolour = "red"\n');
    await page.click(".btn:has-text('Import')");
    await page.waitForSelector(".trouble");
    assert.match(await text(page, ".trouble"), /Line 3: Unknown field/);
    await area.fill('[[node]]\nname = "box"\nkind = "machine"\n');
    await page.click(".btn:has-text('Import')");
    await page.waitForSelector(".report");
    assert.match(await text(page, ".report"), /1 added, 0 changed/);
    assert.match(await text(page, ".report"), /box: SSH password/);
  });
});

test("removing asks first and says why it cannot be done", async () => {
  await visit("quiet&pace=0", "#/node/11", async (page) => {
    await page.click(".node-head [aria-haspopup]");
    await page.click("[role=menuitem]:has-text('Remove')");
    assert.equal(await text(page, "dialog h2"), "Remove nas?");
    assert.equal(await focused(page), "Cancel");
    await page.click("dialog .btn-critical");
    await page.waitForSelector("dialog .trouble");
    assert.match(await text(page, "dialog .trouble"), /nas is still needed by qbittorrent, lxc-jellyfin, nextcloud/);
    await page.click("dialog footer .btn:has-text('Cancel')");
    await page.goto(page.url().replace(/#.*/, "#/node/13"));
    await page.click(".node-head [aria-haspopup]");
    await page.click("[role=menuitem]:has-text('Remove')");
    await page.click("dialog .btn-critical");
    await page.waitForFunction(() => location.hash === "#/machines");
    assert.equal(await page.locator('[data-node="pihole"]').count(), 0);
  });
});

test("what a node needs is added, refused with the whole cycle, and taken back", async () => {
  await visit("quiet&pace=0", "#/node/11", async (page) => {
    await page.click(".rel [aria-label='Add what nas needs']");
    await page.getByRole("combobox").fill("sand");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog .cycle");
    assert.deepEqual(await page.locator("dialog .cycle .what > .name").allInnerTexts(), ["nas", "sandbox", "lxc-jellyfin", "nas"]);
    assert.match(await text(page, "dialog .cycle"), /nas would need itself[\s\S]*Nothing was changed/);
    await page.getByRole("combobox").fill("pihole");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.waitForSelector('.rel [data-relation="pihole"]');
    assert.match(await text(page, ".undo"), /nas now needs pihole/);
    await page.click(".undo .btn:has-text('Undo')");
    await page.waitForSelector('.rel [data-relation="pihole"]', { state: "detached" });
    await page.click(".rel [aria-label='qbittorrent no longer needs nas.']");
    await page.waitForSelector('.rel [data-relation="qbittorrent"]', { state: "detached" });
  });
});

test("a node is kept on for two hours and released", async () => {
  await visit("used&pace=0", "#/node/9", async (page) => {
    assert.match(await text(page, "[data-why]"), /^Sandbox needs it|^sandbox needs it/);
    await page.click(".node-head .btn:has-text('Keep on for 2 h')");
    await page.waitForSelector(".node-head .btn:has-text('Release')");
    assert.match(await text(page, "[data-why]"), /You keep it on until \d\d:\d\d and sandbox needs it\./);
    await page.click(".node-head .btn:has-text('Release')");
    await page.waitForSelector(".node-head .btn:has-text('Keep on for 2 h')");
  });
});

test("behaviour is kept at once, said at the field when it is wrong, and undone", async () => {
  await visit("quiet&pace=0", "#/node/9", async (page) => {
    const time = page.getByLabel("Time to start");
    await time.fill("soon");
    await time.press("Enter");
    assert.match(await text(page, ".setting:has([aria-invalid])"), /Whole seconds, at most 86400/);
    await time.fill("90");
    await time.press("Enter");
    await page.waitForSelector(".undo");
    assert.equal(await page.locator("[aria-invalid]").count(), 0);
    assert.equal(await time.inputValue(), "90");
    const always = page.getByRole("switch", { name: "Always on" });
    await always.check();
    await page.waitForFunction(() => document.querySelector(".undo")?.textContent.includes("Always on"));
    await page.click(".undo .btn:has-text('Undo')");
    await page.waitForFunction(() => !document.querySelector("[role=switch]").checked);
    assert.equal(await time.inputValue(), "90");
  });
});

test("every error can be copied with its details", async () => {
  await visit("evening&pace=0", "#/node/14", async (page) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.click(".failure .copy");
    await page.waitForSelector(".failure .copy:has-text('Copied')");
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^WakeHub 0\.1\.0: failed to start container nextcloud\n[\s\S]*port is already allocated\nkind: rejected\n[\s\S]*at: \d{4}-/);
  });
});

test("? lists the keys, and G and a letter go to a page", async () => {
  await visit("quiet&pace=0", "#/", async (page) => {
    await page.keyboard.press("?");
    assert.equal(await text(page, "dialog h2"), "Keyboard");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("m");
    await page.waitForFunction(() => location.hash === "#/machines");
    await page.waitForSelector("input[type=search]");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("type")), "search");
    await page.keyboard.type("g?");
    assert.equal(await page.locator("dialog").count(), 0);
  });
});

test("the journal is searched and filtered", async () => {
  await visit("evening&pace=0", "#/journal", async (page) => {
    await page.waitForSelector(".log li");
    const all = await page.locator(".log li").count();
    await page.fill("input[type=search]", "locked");
    await page.waitForFunction((before) => document.querySelectorAll(".log li").length < before, all);
    assert.match(await text(page, ".log"), /locked by its platform/);
    await page.fill("input[type=search]", "");
    await page.getByLabel("Node", { exact: true }).selectOption({ label: "nas" });
    await page.waitForFunction(() => [...document.querySelectorAll(".log li")].every((line) => line.textContent.includes("nas")));
  });
});

test("a cascade is one line of the journal, with its rail inside", async () => {
  await visit("evening&pace=0", "#/journal", async (page) => {
    await page.click("summary:has-text('lxc-jellyfin started')");
    await page.waitForSelector("details[open] .rail li:nth-child(2)");
    assert.deepEqual(await page.locator("details[open] .rail .what > .name").allInnerTexts(), ["nas", "lxc-jellyfin"]);
    await page.getByLabel("What", { exact: true }).selectOption("errors");
    // a line takes its time to be drawn where nothing has been drawn before
    await page.locator(".log > li").filter({ hasText: "nextcloud" }).waitFor();
    await page.waitForFunction(() => document.querySelectorAll(".log > li").length === 1);
    assert.match(page.url(), /kind=errors/);
    await page.getByLabel("When", { exact: true }).selectOption("between");
    await page.getByLabel("From").fill("2030-01-02");
    await page.getByLabel("From").blur();
    await page.waitForFunction(() => document.querySelectorAll(".log > li").length === 0);
    await page.click("main .empty .link");
    await page.waitForFunction(() => document.querySelectorAll(".log > li").length > 5);
  });
});

test("the journal is exported as it is filtered", async () => {
  await visit("evening&pace=0", "#/journal?kind=errors", async (page) => {
    await page.waitForSelector(".log > li");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(".page-head [aria-haspopup]").then(() => page.click("[role=menuitem]:has-text('CSV')"))]);
    assert.match(download.suggestedFilename(), /^wakehub-journal-\d{4}-\d\d-\d\d\.csv$/);
    const lines = readFileSync(await download.path(), "utf8").trim().split("\r\n");
    assert.match(lines[0], /kind,node,cascade,message,reason$/);
    assert.equal(lines.length, 2);
    assert.match(lines[1], /nextcloud: start failed/);
  });
});

test("one more node is pinned from the dashboard", async () => {
  await visit("quiet&pace=0", "#/", async (page) => {
    await page.click(".place button");
    await page.getByRole("combobox").fill("piho");
    await page.keyboard.press("Enter");
    await page.waitForSelector(tile("pihole"));
    await page.click(`${tile("pihole")} [aria-haspopup]`);
    await page.click("[role=menuitem]:has-text('Unpin')");
    await page.waitForSelector(tile("pihole"), { state: "detached" });
    await page.click(".undo .btn:has-text('Undo')");
    await page.waitForSelector(tile("pihole"));
  });
});

test("language and theme are chosen at once and kept", async () => {
  await visit("quiet&pace=0", "#/settings", async (page) => {
    await page.click(".segments button:has-text('Français')");
    assert.equal(await text(page, "h1"), "Réglages");
    assert.equal(await page.getAttribute("html", "lang"), "fr");
    await page.click(".segments button:has-text('Sombre')");
    await page.reload();
    await page.waitForSelector("main h1");
    assert.equal(await text(page, "h1"), "Réglages");
    assert.equal(await page.getAttribute("html", "data-theme"), "dark");
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(23, 22, 20)");
  });
});

test("settings are kept at once, refused at the field, and undone", async () => {
  await visit("quiet&pace=0", "#/settings", async (page) => {
    const poll = page.getByLabel("While nobody looks");
    await poll.fill("2");
    await poll.press("Enter");
    assert.match(await text(page, ".setting:has([aria-invalid])"), /Whole seconds from 10 to 3600/);
    await poll.fill("120");
    await poll.press("Enter");
    await page.waitForSelector(".undo");
    assert.match(await text(page, "main"), /Every 2 min\./);
    await page.click(".undo .btn:has-text('Undo')");
    await page.waitForFunction(() => document.querySelector("main").textContent.includes("Every 1\u00A0min."));
    const login = page.getByRole("switch", { name: "Start when I log in" });
    await login.check();
    await page.waitForSelector(".undo");
    assert.ok(await login.isChecked());
    await page.getByRole("switch", { name: "Shortcuts of one key" }).uncheck();
    await page.keyboard.press("?");
    assert.equal(await page.locator("dialog").count(), 0);
  });
  await visit("troubled&pace=0", "#/settings", async (page) => {
    const login = page.getByRole("switch", { name: "Start when I log in" });
    await login.click();
    await page.waitForSelector(".trouble");
    assert.match(await text(page, ".trouble"), /disk full/);
    assert.equal(await login.isChecked(), false);
  });
});

test("an engine that does not answer is said, with its words", async () => {
  await visit("broken", "#/", async (page) => {
    assert.match(await text(page, "main"), /engine does not answer/);
    assert.match(await text(page, "main"), /disk I\/O error/);
  });
});

test("a shell without an engine is no empty homelab", async () => {
  await visit("headless", "#/", async (page) => {
    assert.match(await text(page, "main"), /engine does not answer/);
    assert.match(await text(page, "main"), /in use by another WakeHub/);
    assert.doesNotMatch(await text(page, "main"), /first machine/);
  });
});

test("1,000 nodes build only the rows in view and find the last one", async () => {
  await visit("many&pace=0", "#/machines", async (page) => {
    const rows = () => page.locator('[role="row"][data-node]').count();
    assert.ok((await rows()) < 120, `${await rows()} rows`);
    await page.locator('[data-node="machine1"]').focus();
    await page.keyboard.press("End");
    await page.waitForSelector('[data-node="service-1000"]');
    assert.ok((await rows()) < 320);
    await page.fill("input[type=search]", "service-0777");
    await page.waitForSelector('[data-node="service-0777"]');
    assert.equal(await rows(), 2);
  });
});

test("names of any script, of 200 characters and full of HTML are only names, and fit", async () => {
  for (const width of [360, 1024]) {
    for (const hash of ["#/", "#/machines", "#/node/1", "#/node/3", "#/node/11", "#/node/14", "#/node/4/edit", "#/journal", "#/settings"]) {
      await visit(
        "strange&pace=0",
        hash,
        async (page) => {
          await page.waitForTimeout(50);
          assert.equal(await page.locator("[onmouseover], [onerror], img").count(), 0);
          assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${hash} is too wide at ${width} px`);
        },
        { viewport: { width, height: 800 } },
      );
    }
  }
  await visit("strange&pace=0", "#/machines", async (page) => {
    await page.fill("input[type=search]", "onerror");
    assert.equal(await text(page, '[aria-level="2"] a.name'), '"><img src=x onerror=alert(1)>');
    await page.locator('[aria-level="2"]').focus();
    await page.keyboard.press("s");
    await page.waitForSelector("dialog .rail");
    assert.match(await text(page, "dialog h2"), /^Start "><img src=x onerror=alert\(1\)>$/);
  });
});

const pages = [
  ["evening", "#/"],
  ["troubled", "#/"],
  ["unpinned", "#/"],
  ["empty", "#/"],
  ["evening", "#/machines"],
  ["used", "#/machines", async (page) => {
    await page.locator('[data-node="nas"]').focus();
    await page.keyboard.press("Space");
    await page.click(".more [aria-expanded]");
  }],
  ["evening", "#/node/9"],
  ["quiet", "#/node/9", (page) => page.click(".rel header .btn")],
  ["evening", "#/node/14"],
  ["troubled", "#/node/7"],
  ["evening", "#/add?kind=machine", (page) => page.click("button[type=submit]")],
  ["evening", "#/node/7/edit", (page) => page.click(".behaviour summary")],
  ["evening", "#/configure/12"],
  ["evening", "#/configure/12/vaultwarden"],
  ["evening", "#/journal", (page) => page.waitForSelector(".log li")],
  ["troubled", "#/settings"],
  ["quiet", "#/", async (page) => (await page.click(`${tile("lxc-jellyfin")} .btn-tonal`), await page.waitForSelector("dialog .rail"))],
  ["used", "#/node/11", async (page) => (await page.click(".node-head .btn:has-text('Shut down')"), await page.waitForSelector("dialog .rail"))],
  ["evening", "#/", async (page) => page.click(`${tile("lxc-jellyfin")} [aria-haspopup]`)],
];

for (const colorScheme of ["light", "dark"]) {
  test(`axe-core finds nothing in ${colorScheme}`, async () => {
    for (const [scenario, hash, act] of pages) {
      for (const width of [1200, 360]) {
        if (width === 360 && act?.toString().includes("aria-haspopup")) continue;
        await visit(
          `${scenario}&pace=0`,
          hash,
          async (page) => {
            await act?.(page);
            // pages that load late are nothing until then
            await page.waitForSelector("main h1");
            // Through the debugger, so that the page's own policy stays as strict as it is.
            await page.evaluate(axe);
            const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
            const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html.slice(0, 160)} ${node.any.map((any) => any.message).join("; ")}`).join(" | ")}`);
            assert.deepEqual(found, [], `${scenario} ${hash} at ${width} px`);
          },
          { colorScheme, viewport: { width, height: 800 } },
        );
      }
    }
  });
}
