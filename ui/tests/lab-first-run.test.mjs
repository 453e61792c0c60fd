// The first run as a new user goes through it, by keyboard alone, on a real homelab: the real engine with nothing in it, a
// real keyring, and machines that are asked what really happened to them.
import "./own-network.mjs";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { focused, heading, press, tabTo, type, value } from "./keyboard.mjs";
import { startLab } from "./lab.mjs";
import { launch } from "./serve.mjs";
import { tile } from "./visit.mjs";
import { keyring, runWakehub } from "./wakehub.mjs";

// Three guests of the reference homelab and seven more: ten.
const LAB = ["--only", "nas,lxc-jellyfin,vm-homeassistant,lxc-cloudflared", "--more", "7", "--on", "machine2,nas", "--boot", "0.5", "--guest", "0.5"];

let lab;
let ring;
let wakehub;
let browser;
let page;
let token;
const complaints = [];

before(async () => {
  [lab, ring] = await Promise.all([startLab(...LAB), keyring()]);
  wakehub = await runWakehub({ demo: null, env: ring.env });
  token = await wakehub.token("control");
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1200, height: 900 }, locale: "en-GB", reducedMotion: "reduce" });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
});

after(async () => {
  await browser?.close();
  await wakehub?.close();
  await ring?.close();
  await lab?.end();
});

const checks = () => page.locator(".checks > li").evaluateAll((all) => all.map((one) => one.dataset.check));

/** What the page of a service says, asked by itself; a guest that has just booted begins to serve it a moment later. */
async function served(name, port) {
  const until = Date.now() + 30_000;
  for (;;) {
    try {
      return await (await fetch(`http://${lab.address(name)}:${port}`)).text();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

test("from nothing to a pinned, running service", async () => {
  await page.goto(wakehub.url);
  await heading(page, /Enter a token/);
  await type(page, /^Token/, token);
  await page.keyboard.press("Enter");

  await heading(page, /Wake your first machine/);
  await press(page, /^Begin$/);

  await heading(page, /Which machine is the first/);
  await press(page, /^Ask every address$/);
  const address = lab.address("machine2");
  const offered = page.locator(".scan li", { hasText: address });
  await offered.waitFor();
  assert.match(await offered.innerText(), new RegExp(lab.mac("machine2")));
  await tabTo(page, new RegExp(address), { back: true });
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "Name");
  await page.keyboard.type("machine2");
  await tabTo(page, /^Address/);
  assert.equal(await value(page), address);
  await tabTo(page, /^MAC address/);
  assert.equal(await value(page), lab.mac("machine2"));
  await press(page, /^Password$/);
  await type(page, /^SSH password/, lab.secret("machine2", "ssh-password"));
  await press(page, /^Proxmox VE API/, "Space");
  await tabTo(page, /^API address/);
  assert.equal(await value(page), `https://${address}:8006`);
  await type(page, /^Token secret/, lab.secret("machine2", "proxmox-token"));
  await page.evaluate(() => {
    globalThis.counts = new Set();
    new MutationObserver(() => globalThis.counts.add(document.querySelectorAll(".checks > li:not([data-check=run])").length)).observe(document.body, { subtree: true, childList: true });
  });
  await page.keyboard.press("Enter");

  await heading(page, /Can WakeHub talk to machine2/);
  for (const what of [/^Yes, accept this key$/, /^Yes, accept this certificate$/]) {
    await page.locator(".presented .btn", { hasText: what }).waitFor();
    await press(page, what);
  }
  // What its Proxmox calls it is nobody's to guess, and one key away.
  await page.waitForSelector(".checks .remedy .btn:enabled");
  assert.match(await page.locator(".checks [data-check=failed]").innerText(), /no member machine2; it has pve2/);
  await press(page, /^Use pve2$/);
  await page.waitForSelector("footer .btn-primary:has-text('Discover')");
  const passed = await checks();
  assert.deepEqual(new Set(passed), new Set(["passed"]));
  const counts = await page.evaluate(() => [...globalThis.counts]);
  assert.ok(counts.some((count) => count > 0 && count < passed.length), `each check is shown as it happens: ${counts}`);
  await press(page, /^Discover$/);

  await heading(page, /machine2 hosts 10 guests/);
  await press(page, /^Configure 10$/);

  await heading(page, /What does nobody know but you/);
  assert.equal(await page.locator("fieldset").count(), 10);
  // The lab starts its guests one after the other: a hint, which this person takes once and leaves nine times.
  await tabTo(page, /^lxc-jellyfin starts before it: add it to what lxc-cloudflared needs$/);
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "Remove: lxc-cloudflared needs lxc-jellyfin");
  await press(page, /^Save all 10$/);

  await heading(page, /What belongs on the dashboard/);
  // What was discovered off is off, and does not wait for the next look.
  await page.waitForSelector("li[data-state=off]:has-text('lxc-jellyfin')");
  await press(page, /^Pin lxc-jellyfin$/);
  const begun = lab.now;
  await press(page, /^Start lxc-jellyfin$/);
  await page.waitForSelector("dialog .rail");
  assert.deepEqual(await page.locator("dialog .rail .what > .name").allInnerTexts(), ["lxc-jellyfin"]);
  assert.match(await focused(page), /^Start/);
  await page.keyboard.press("Enter");
  await lab.happened("lxc-jellyfin", "booted", begun);
  assert.match(await served("lxc-jellyfin", 8096), /lxc-jellyfin is on/);
  await heading(page, /lxc-jellyfin runs/);
  await press(page, /^To the dashboard$/);
  await page.waitForSelector(`${tile("lxc-jellyfin")}[data-state="on"]`);

  const { nodes } = await wakehub.api(token, "GET", "snapshot");
  assert.equal(nodes.length, 11);
  const named = (name) => nodes.find((node) => node.name === name);
  assert.deepEqual(named("lxc-cloudflared").depends_on, [named("lxc-jellyfin").id]);
  assert.ok(named("lxc-jellyfin").pinned && named("lxc-jellyfin").power === "on");
  const kept = await page.evaluate(() => JSON.stringify(localStorage));
  for (const secret of ["ssh-password", "proxmox-token"]) assert.ok(!kept.includes(lab.secret("machine2", secret)), `the ${secret} is kept in the browser`);
  assert.deepEqual(complaints, []);
});

const named = async (name) => (await wakehub.api(token, "GET", "snapshot")).nodes.find((node) => node.name === name);

/** To the page of a node, through the palette; Shift shows it, whatever it does. */
async function goTo(name) {
  await page.keyboard.press("ControlOrMeta+k");
  await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "combobox");
  await page.keyboard.type(name);
  await page.keyboard.press("Shift+Enter");
  await heading(page, new RegExp(`^${name}$`));
}

/** Presses the button, and Enter in the dialog that shows the plan; gives the nodes of its steps. */
async function ask(button) {
  await press(page, button);
  await page.waitForSelector("dialog .rail");
  const steps = await page.locator("dialog .rail .what > .name").allInnerTexts();
  await page.waitForFunction(() => document.activeElement?.closest("dialog") && document.activeElement.matches("button"));
  await page.keyboard.press("Enter");
  return steps;
}

test("a second machine is added, and the need that nobody else can know", async () => {
  await page.keyboard.press("g");
  await page.keyboard.press("m");
  await heading(page, /^Machines/);
  await press(page, /^Add machine$/);
  await heading(page, /Add a node/);
  await type(page, /^Name/, "nas");
  await type(page, /^Address/, lab.address("nas"));
  await type(page, /^MAC address/, lab.mac("nas"));
  await tabTo(page, /^User$/);
  // A button of the choice, and then the field of the same name.
  await tabTo(page, /^Agent$/);
  await type(page, /^Key file$/, lab.keyFile);
  await press(page, /^Test connection$/);
  await page.locator(".presented .btn", { hasText: /^Yes, accept this key$/ }).waitFor();
  await press(page, /^Yes, accept this key$/);
  await page.waitForFunction(() => {
    const all = [...document.querySelectorAll(".checks > li")];
    return all.length > 3 && all.every((one) => one.dataset.check === "passed");
  });
  await press(page, /^Save$/);
  await heading(page, /^nas$/);

  await goTo("lxc-jellyfin");
  await press(page, /^Add what lxc-jellyfin needs$/);
  await page.waitForSelector("dialog[open]");
  await page.keyboard.type("nas");
  await page.keyboard.press("Enter");
  await page.waitForSelector('[data-relation="nas"]');
  assert.deepEqual((await named("lxc-jellyfin")).depends_on, [(await named("nas")).id]);
  assert.deepEqual(complaints, []);
});

test("stopped with what nobody needs any more, and started again with all that it needs", async () => {
  let begun = lab.now;
  assert.deepEqual(await ask(/^Stop$/), ["lxc-jellyfin"]);
  await lab.happened("lxc-jellyfin", "off", begun);
  // The machine that it alone needed is proposed, and goes off only with a yes.
  await page.locator(".question", { hasText: "nas" }).waitFor();
  assert.ok(!lab.events(begun).includes("nas asked to poweroff"));
  await press(page, /^Shut down$/);
  await lab.happened("nas", "off", begun);
  await goTo("machine2");
  const steps = await ask(/^Shut down$/);
  assert.equal(steps.at(-1), "machine2");
  await lab.happened("machine2", "off", begun);
  // Off is seen twice before it is believed.
  await page.waitForSelector(".who[data-state=off]");
  await goTo("nas");
  await page.waitForSelector(".who[data-state=off]");

  begun = lab.now;
  await goTo("lxc-jellyfin");
  assert.deepEqual(await ask(/^Start$/), ["nas", "machine2", "lxc-jellyfin"]);
  await lab.happened("lxc-jellyfin", "booted", begun);
  assert.match(await served("lxc-jellyfin", 8096), /lxc-jellyfin is on/);
  const events = lab.events(begun);
  const order = ["nas woken by a magic packet", "nas booted", "machine2 woken by a magic packet", "machine2 booted", "lxc-jellyfin booted"];
  assert.deepEqual(events.filter((event) => order.includes(event)), order);
  await page.waitForSelector(".who[data-state=on]");
  assert.deepEqual(complaints, []);
});
