// Renders every page and state to PNG, to be looked at, and says what scrolls sideways.
// node ui/tests/shots.mjs [part of a name ...]     OUT=folder WIDTHS=360,1024,1600 THEMES=light,dark LANGUAGES=en,fr
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, launch, serve } from "./serve.mjs";

const list = (name, fallback) => (process.env[name] ?? fallback).split(",");
const out = process.env.OUT ?? fileURLToPath(new URL("../shots", import.meta.url));
const wanted = process.argv.slice(2);

/** name: [scenario, hash, what to do before the picture] */
const pages = {
  dashboard: ["evening", "#/"],
  "dashboard-quiet": ["quiet", "#/"],
  "dashboard-unpinned": ["unpinned", "#/"],
  "dashboard-empty": ["empty", "#/"],
  "dashboard-troubled": ["troubled", "#/"],
  "dashboard-menu": ["evening", "#/", (page) => page.viewportSize().width > 700 && page.click('[data-node="lxc-jellyfin"] [aria-haspopup]')],
  ...Object.fromEntries(["welcome", "add", "form", "test", "tested", "discover", "configure", "pin"].map((stage) => [`first-${stage}`, ["empty&pace=1", "#/", (page) => firstRun(page, stage)]])),
  palette: ["evening", "#/", (page) => page.keyboard.press("Control+k")],
  "palette-found": ["evening", "#/", async (page) => (await page.keyboard.press("Control+k"), await page.keyboard.type("jelly"))],
  ...Object.fromEntries(["", "machines", "node/9", "graph", "journal", "settings", "node/9/edit"].map((hash) => [`loading${hash && `-${hash.replaceAll("/", "-")}`}`, ["loading", `#/${hash}`]])),
  "fails-journal": ["evening&fail=journal", "#/journal"],
  "fails-node": ["evening&fail=journal,nodeEntry", "#/node/11"],
  "fails-settings": ["evening&fail=settings", "#/settings"],
  gone: ["evening", "#/node/4711"],
  queued: ["quiet&when=busy", "#/", async (page) => (await page.click('[data-node="lxc-jellyfin"] .btn-tonal'), await page.click("dialog .btn-primary"), await page.waitForSelector("dialog .heed"), await page.click("dialog .btn-primary"), await page.waitForTimeout(200))],
  broken: ["broken", "#/"],
  "clock-form": ["evening", "#/node/1/edit", async (page) => {
    await page.click("details.clock > summary");
    for (const at of [0, 1]) await page.click(`details.clock .tools .btn:nth-child(${at + 1})`);
    await page.click("details.clock .fields > .grid .btn:last-child");
    await page.waitForTimeout(500);
    await page.locator("details.clock").scrollIntoViewIfNeeded();
  }],
  headless: ["headless", "#/"],
  machines: ["evening", "#/machines"],
  "machines-troubled": ["troubled", "#/machines"],
  "machines-flat": ["evening", "#/machines?show=on", (page) => page.viewportSize().width > 700 && page.click(".more .segments button:last-child")],
  "machines-filter": ["evening", "#/machines", (page) => page.click(".more [aria-expanded]")],
  "machines-bulk": ["used", "#/machines", async (page) => {
    if (page.viewportSize().width <= 700) await page.click(".choose");
    for (const name of ["nas", "lxc-jellyfin", "vm-ubuntu"]) await page.click(`[data-node="${name}"] input`, { force: true });
  }],
  "machines-bulk-stop": ["used", "#/machines", async (page) => {
    if (page.viewportSize().width <= 700) await page.click(".choose");
    for (const name of ["nas", "lxc-jellyfin", "jellystat"]) await page.click(`[data-node="${name}"] input`, { force: true });
    await page.click(".bulk .btn:nth-child(2)");
    await page.waitForSelector("dialog .rail");
  }],
  "machines-none": ["evening", "#/machines", (page) => page.fill("input[type=search]", "zzz")],
  node: ["evening", "#/node/9"],
  "node-off": ["quiet", "#/node/4"],
  "node-held": ["evening", "#/node/11"],
  "node-pick": ["quiet", "#/node/11", async (page) => {
    await page.click(".rel header .btn");
    await page.fill("dialog input", "sandbox");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog .cycle");
  }],
  keys: ["evening", "#/machines", (page) => page.keyboard.press("?")],
  "node-failed": ["evening", "#/node/14"],
  "node-host": ["troubled", "#/node/7"],
  "node-remove": ["evening", "#/node/11", async (page) => (await page.click(".node-head [aria-haspopup]"), await page.click("[data-harm]"))],
  "idle-used": ["used", "#/node/9", idleCard],
  "idle-remembered": ["evening", "#/node/10", idleCard],
  "idle-quiet": ["used", "#/node/4", (page) => idleCard(page).then(() => page.locator(".idle-card summary").click({ timeout: 500 }).catch(() => {}))],
  "idle-kept": ["used", "#/node/2", idleCard],
  "idle-inhibited": ["used", "#/node/7", idleCard],
  "idle-unknown": ["used", "#/node/12", idleCard],
  "idle-packets": ["used", "#/node/5", idleCard],
  "idle-none": ["used", "#/node/8", idleCard],
  "idle-off": ["quiet", "#/node/9", idleCard],
  "idle-fails": ["used&fail=why", "#/node/9", idleCard],
  "idle-keep": ["used", "#/node/9", (page) => page.click(".node-head .menu-root [aria-haspopup]")],
  "idle-keep-until": ["used", "#/node/9", async (page) => (await page.click(".node-head .menu-root [aria-haspopup]"), await page.locator("[role=menuitem]").nth(3).click(), await page.waitForSelector("dialog"))],
  "idle-held": ["evening", "#/node/11", idleCard],
  "idle-form": ["used", "#/node/11/edit?at=idle", async (page) => {
    await page.waitForSelector(".idle .criteria");
    await page.locator(".idle .tools .btn").click();
    await page.locator(".idle .btn:has-text('?')").click();
    await page.waitForSelector(".idle .strip");
  }],
  "idle-form-usual": ["used", "#/node/9/edit?at=idle", (page) => page.waitForSelector(".idle")],
  "idle-form-errors": ["used", "#/node/11/edit?at=idle", async (page) => {
    await page.waitForSelector(".idle .criteria");
    await page.locator(".idle input[inputmode]").first().fill("0");
    await page.locator(".idle .limits input").first().fill("many");
    await page.click("button[type=submit]");
  }],
  ...Object.fromEntries(["jellyfin", "plex", "qbittorrent", "syncthing", "http", "ssh"].map((service) => [`idle-form-${service}`, ["used", "#/node/5/edit?at=idle", (page) => probeForm(page, service)]])),
  "idle-form-port": ["used", "#/node/11/edit?at=idle", async (page) => {
    await page.locator("[data-criterion=last_access] .input").fill("25565");
    await page.locator("[data-criterion=last_access]").scrollIntoViewIfNeeded();
  }],
  "grace-node": ["grace", "#/node/4", idleCard],
  grace: ["grace", "#/"],
  "paused-node": ["paused", "#/node/4", idleCard],
  paused: ["paused", "#/"],
  "pause-dialog": ["used", "#/", (page) => page.locator(".page-head .actions .btn").first().click()],
  question: ["evening", "#/question/7"],
  start: ["quiet", "#/", (page) => page.click('[data-node="lxc-jellyfin"] .btn-tonal')],
  stop: ["used", "#/node/11", (page) => page.click(".node-head .btn:has-text('down'), .node-head .btn:has-text('teindre')")],
  "stop-many": ["many", "#/node/12", (page) => page.click(".node-head .btn:has-text('down'), .node-head .btn:has-text('teindre')")],
  "stop-alone": ["used", "#/node/5", (page) => page.click(".node-head .btn:has-text('Stop'), .node-head .btn:has-text('Arr')")],
  busy: ["quiet&when=busy", "#/", async (page) => (await page.click('[data-node="lxc-jellyfin"] .btn-tonal'), await page.click("dialog .btn-primary"), await page.waitForTimeout(200))],
  refused: ["quiet", "#/machines", async (page) => (await page.evaluate(() => (location.hash = "#/node/12")), await page.waitForTimeout(100))],
  progress: ["quiet", "#/", async (page) => (await page.click('[data-node="lxc-jellyfin"] .btn-tonal'), await page.click("dialog .btn-primary"), await page.waitForTimeout(200))],
  add: ["evening", "#/add?kind=machine"],
  "add-errors": ["evening", "#/add?kind=machine", (page) => page.click("button[type=submit]")],
  "add-container": ["evening", "#/add?kind=container"],
  edit: ["evening", "#/node/7/edit", (page) => page.click(".behaviour summary")],
  test: ["evening", "#/node/1/edit", async (page) => (await page.click("aside .btn"), await page.waitForTimeout(400))],
  configure: ["evening", "#/configure/12/vaultwarden"],
  "configure-all": ["evening", "#/configure/12"],
  graph: ["evening", "#/graph?node=9", wired],
  "graph-plain": ["quiet", "#/graph", wired],
  "graph-refused": ["evening", "#/graph?node=11", async (page) => (await wired(page), await need(page, "sandbox"), await page.waitForSelector('section.refused'))],
  "graph-many": ["estate", "#/graph", wired],
  journal: ["evening", "#/journal"],
  "strange-dashboard": ["strange", "#/"],
  "strange-machines": ["strange", "#/machines"],
  "strange-node": ["strange", "#/node/11"],
  "strange-long": ["strange", "#/node/3"],
  "strange-host": ["strange", "#/node/1"],
  "strange-plan": ["strange", "#/node/11", async (page) => (await page.click(".node-head .btn:has-text('down'), .node-head .btn:has-text('teindre')"), await page.waitForSelector("dialog .rail"))],
  "strange-journal": ["strange", "#/journal"],
  "journal-open": ["evening", "#/journal", async (page) => (await page.waitForSelector(".log summary"), await page.locator(".log summary").nth(1).click())],
  "journal-dates": ["evening", "#/journal?when=between&from=2026-11-20&to=2026-11-19"],
  "journal-cascade": ["evening", "#/journal?cascade=31"],
  "journal-empty": ["empty", "#/journal"],
  savings: ["evening", "#/savings", (page) => page.waitForSelector(".bars")],
  "savings-weeks": ["used", "#/savings?by=week", (page) => page.waitForSelector(".bars")],
  "savings-months": ["used", "#/savings?by=month", (page) => page.waitForSelector(".bars")],
  "savings-node": ["evening", "#/savings?node=11", (page) => page.waitForSelector(".bars")],
  "savings-no-watts": ["troubled", "#/savings", (page) => page.waitForSelector(".bars")],
  settings: ["evening", "#/settings"],
  "settings-troubled": ["troubled", "#/settings"],
  "import-error": ["evening", "#/settings", async (page) => (await page.fill("textarea", '[[node]]\nname = "nas"\ncolour = "red"\n'), await page.click(".btn-primary:not(.question .btn)"), await page.waitForSelector(".trouble"))],
};

async function probeForm(page, service) {
  await page.locator("[data-criterion=probe] input").first().check();
  await page.locator(".probe select").first().selectOption(service);
  if (service === "http") {
    await page.locator(".probe select").nth(1).selectOption("more");
    await page.locator(".probe select").nth(2).selectOption("header");
  }
  await page.locator("[data-criterion=probe]").scrollIntoViewIfNeeded();
}

async function idleCard(page) {
  await page.waitForSelector(".idle-card .body > *");
}

/** Goes through the first run up to a stage. */
async function firstRun(page, stage) {
  const act = (at = -1) => page.locator(".main > footer .end .btn").nth(at).click();
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await page.waitForSelector(".way");
  if (stage === "welcome") return;
  await page.click(".way .btn-primary");
  await page.waitForSelector(".scan li:nth-child(5)");
  if (stage === "add") return;
  await page.click(".scan li button:has-text('machine2')");
  await page.locator("form .segments button").nth(2).click();
  await page.locator("fieldset").nth(1).locator("input[type=checkbox]").check();
  if (stage === "form") return;
  await act();
  await page.waitForSelector(".presented");
  if (stage === "test") return;
  while ((await page.locator(".presented").count()) > 0) {
    await page.click(".presented .btn-primary");
    await page.waitForTimeout(600);
  }
  if (stage === "tested") return;
  await act();
  await page.waitForSelector(".main li label");
  if (stage === "discover") return;
  await act();
  await page.waitForSelector("#first-guests");
  if (stage === "configure") return;
  await act();
  await page.waitForSelector(".main li .btn-tonal");
}

async function wired(page) {
  await page.waitForSelector(".svelte-flow__edge path");
}

/** Adds a need to the node in focus by the field beside the graph. */
async function need(page, name) {
  await page.locator("aside [role=combobox]").fill(name);
  await page.keyboard.press("Enter");
}

build();
mkdirSync(out, { recursive: true });
const server = await serve();
const browser = await launch();
let wide = 0;
for (const width of list("WIDTHS", "360,1024,1600").map(Number)) {
  for (const colorScheme of list("THEMES", "light,dark")) {
    for (const locale of list("LANGUAGES", "en,fr")) {
      const context = await browser.newContext({ viewport: { width, height: width < 700 ? 740 : 900 }, colorScheme, locale: locale === "fr" ? "fr-FR" : "en-GB", timezoneId: "Europe/Paris", reducedMotion: "reduce" });
      for (const [name, [scenario, hash, act]] of Object.entries(pages)) {
        if (wanted.length > 0 && !wanted.some((part) => name === part || name.startsWith(`${part}-`))) continue;
        const page = await context.newPage();
        page.on("pageerror", (error) => console.log(`${name}: ${error.message}`));
        page.on("console", (message) => message.type() === "error" && console.log(`${name}: ${message.text()}`));
        await page.clock.setFixedTime(new Date("2026-11-21T20:47:00+01:00"));
        await page.goto(`${server.url}?fake=${scenario}${scenario.includes("pace=") ? "" : "&pace=0"}${hash}`);
        await page.waitForSelector("main h1, .skeleton");
        await page.evaluate(() => document.fonts.ready);
        try {
          await act?.(page);
        } catch (error) {
          console.log(`${name}: ${error.message.split("\n")[0]}`);
        }
        await page.waitForTimeout(250);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        const file = `${name}-${width}-${colorScheme}-${locale}.png`;
        if (over > 0) {
          console.log(`${file}: ${over} px too wide`);
          wide += 1;
        }
        const tall = await page.evaluate(() => document.documentElement.scrollHeight);
        await page.setViewportSize({ width, height: Math.min(4000, Math.max(width < 700 ? 740 : 900, tall)) });
        await page.screenshot({ path: join(out, file) });
        await page.close();
      }
      await context.close();
    }
  }
}
await browser.close();
await server.close();
process.exit(wide > 0 ? 1 : 0);
