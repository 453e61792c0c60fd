// Whether a node is used and why, its rule in the form, the answers to questions, and the pause of all automatic stops.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, focused, open, text, tile, visit } from "./visit.mjs";

open();

const card = ".idle-card";
const ready = (page) => page.waitForSelector(`${card} .body > *:not(.outline)`);

for (const [what, scenario, id, pattern] of [
  ["in use, kept on by what needs it", "used", 9, /In use for (1 h|59 min) at least: processor use, network traffic\.[\s\S]*it stays on all the same: lxc-jellyfin is needed by sandbox\./],
  ["in use, with nothing to keep it on", "used", 5, /In use[\s\S]*If it falls quiet now, it stops at (tomorrow, )?\d\d:\d\d, after a notice of 60 s/],
  ["idle, and when it would stop", "used", 4, /Idle for 1[12] min\.[\s\S]*It would be shut down at (tomorrow, )?\d\d:\d\d \(in 1[78] min\)/],
  ["idle, and asked about", "used", 10, /It is off: nothing is measured/],
  ["idle before WakeHub looked, too", "evening", 10, /Idle for 3\d min\.\s*Until (\w+ )?\d\d:\d\d WakeHub was off or asleep; Proxmox remembers that it was quiet\./],
  ["not to be interrupted", "used", 7, /Must not be interrupted for 2[12] min: scrub of tank, 41\.27\s% done\./],
  ["partly not measured", "used", 12, /Not measured:\s*ss: not found/],
  ["without a rule", "used", 8, /It has no idle rule, so WakeHub never stops it for not being used\.\s*Add an idle rule/],
  ["off", "quiet", 9, /It is off: nothing is measured until it is on\. It stops after 30 min without use\./],
  ["while all stops are paused", "paused", 4, /Nothing is stopped automatically until tomorrow, 08:00\./],
]) {
  test(`the idle card says: ${what}`, async () => {
    await visit(`${scenario}&pace=0`, `#/node/${id}`, async (page) => {
      await ready(page);
      assert.match(await text(page, card), pattern);
    });
  });
}

test("each signal tells its value, its threshold and its last hour, without colour", async () => {
  await visit("used&pace=0", "#/node/5", async (page) => {
    await ready(page);
    const row = page.locator(`${card} [data-criterion=disk]`);
    assert.match(await row.innerText(), /Disk\s*, above[\s\S]*MiB\/min[\s\S]*over 2\sMiB\/min/);
    assert.match(await row.locator("svg[role=img]").getAttribute("aria-label"), /^disk use over the last hour, highest \d+\sMiB\/min$/);
    assert.match(await page.locator(`${card} .strip`).getAttribute("aria-label"), /^The last hour: in use 1\sh$/);
    assert.match(await page.locator(`${card} [data-criterion=network_traffic]`).innerText(), /packets\/min/);
  });
});

test("a gap in what was measured is a gap in the line", async () => {
  await visit("used&pace=0", "#/node/12", async (page) => {
    await ready(page);
    // connections were not known for 25 minutes: they have no value now, so the row is not there, and the reason is
    assert.equal(await page.locator(`${card} [data-criterion=network_connections]`).count(), 0);
    assert.match(await text(page, card), /ss: not found/);
  });
});

test("the card is read again when something changes, and fails with a way to try again", async () => {
  await visit("used&pace=0&fail=why", "#/node/4", async (page) => {
    await page.waitForSelector(`${card} .trouble`);
    await page.click(`${card} .btn:has-text('Retry')`);
    await page.waitForSelector(`${card} .because`);
    await page.getByRole("button", { name: "Keep on" }).click();
    await page.getByRole("menuitem", { name: "For 1 h" }).click();
    await page.waitForFunction(() => document.querySelector(".idle-card")?.textContent.includes("is kept on by you"));
  });
});

test("the card is read once a minute, and not while nobody sees it", async () => {
  await visit("used&pace=0", "#/node/4", async (page) => {
    await ready(page);
    const due = async () => /in (\d+)\smin/.exec((await text(page, card)).replace(/\s/g, " "))?.[1];
    const before = await due();
    await page.clock.install({ time: Date.now() });
    await page.reload();
    await ready(page);
    assert.ok(before);
    const looked = async () => /Looked at (\d\d:\d\d)/.exec(await text(page, card))[1];
    const first = await looked();
    await page.clock.runFor(125_000);
    await page.waitForFunction((first) => !document.querySelector(".idle-card").textContent.includes(`Looked at ${first}`), first);
    await page.evaluate(() => Object.defineProperty(document, "hidden", { get: () => true, configurable: true }));
    const second = await looked();
    await page.clock.runFor(300_000);
    assert.equal(await looked(), second);
  });
});

test("a rule goes through the form and back, with its mistakes at the fields", async () => {
  await visit("used&pace=0", "#/node/8", async (page) => {
    await ready(page);
    await page.click(`${card} a:has-text('Add an idle rule')`);
    const section = page.locator(".idle");
    await section.waitFor();
    await page.waitForFunction(() => document.activeElement?.closest(".idle"));
    assert.match(await section.innerText(), /As usual for a VM: more than 0\.5\scores of the processor, more than 1\sKiB a minute on the network\./);
    const timeout = page.getByLabel("Stop after, min");
    assert.equal(await timeout.getAttribute("placeholder"), "30");
    await section.getByRole("button", { name: "Customise" }).click();
    await timeout.fill("0");
    const cores = page.getByLabel("More than, cores");
    await cores.fill("many");
    await page.click("button[type=submit]");
    assert.match(await section.innerText(), /Whole minutes from 1 to 10080/);
    assert.match(await section.innerText(), /A number of cores from 0 to 4096/);
    assert.ok(await timeout.evaluate((element) => element === document.activeElement));
    await timeout.fill("45");
    await cores.fill("0,25");
    await section.getByLabel("Disk").check();
    await page.getByLabel("More than, MiB a minute").fill("3");
    await section.getByLabel("Connections", { exact: true }).check();
    assert.match(await section.innerText(), /Asked for through SSH, which is not set up here/);
    await section.getByLabel("Connections", { exact: true }).uncheck();
    await page.click("button[type=submit]");
    await ready(page);
    assert.match(await text(page, card), /after 45 min without use/);
    assert.match(await text(page, `${card} [data-criterion=cpu]`), /0\.25 cores/);
    assert.match(await text(page, `${card} [data-criterion=disk]`), /3 MiB\/min/);
    // switched off it keeps what was typed
    await page.click(`${card} a:has-text('Change the rule')`);
    await section.waitFor();
    await section.getByLabel("Idle", { exact: true }).uncheck();
    await page.click("button[type=submit]");
    await ready(page);
    assert.match(await text(page, card), /Its rule is switched off/);
    await page.click(`${card} a:has-text('Switch it on')`);
    await page.getByLabel("Stop after, min").waitFor();
    assert.equal(await page.getByLabel("Stop after, min").inputValue(), "45");
    assert.equal(await page.getByLabel("More than, cores").inputValue(), "0.25");
  });
});

test("the service itself is asked: its fields go through the form and back, and its key does not", async () => {
  await visit("used&pace=0", "#/node/9/edit?at=idle", async (page) => {
    const section = page.locator(".idle");
    await section.getByRole("button", { name: "Customise" }).click();
    await section.getByLabel("Ask the service").check();
    // what the node is called, and where its page is, are known already
    const service = section.getByLabel("What is asked");
    assert.equal(await service.inputValue(), "jellyfin");
    const address = section.locator(".probe").getByLabel("Address");
    assert.equal(await address.inputValue(), "http://10.77.0.21:8096");
    await address.fill("http://10.77.0.21:8096/web/#!/home");
    assert.match(await text(page, "form .foot"), /Without its key the service cannot be asked yet/);
    await section.getByLabel("API key").fill("3f1c9d");
    await section.getByLabel("A running task counts as well").check();
    await page.click("button[type=submit]");
    assert.match(await section.innerText(), /Only up to the path/);
    assert.ok(await address.evaluate((element) => element === document.activeElement));
    await address.fill("https://10.77.0.21:8920");
    await section.getByLabel(/^Fingerprint of its certificate/).fill("8A:1F");
    await page.click("button[type=submit]");
    assert.match(await section.innerText(), /64 hexadecimal digits/);
    await section.getByLabel(/^Fingerprint of its certificate/).fill("");
    await page.click("button[type=submit]");
    await ready(page);
    assert.match(await text(page, `${card} [data-criterion=probe]`), /Jellyfin plays 1 title/);

    await page.click(`${card} a:has-text('Change the rule')`);
    await section.waitFor();
    assert.equal(await address.inputValue(), "https://10.77.0.21:8920");
    assert.ok(await section.getByLabel("A running task counts as well").isChecked());
    assert.equal(await section.getByLabel("API key").inputValue(), "");
    assert.match(await section.innerText(), /Kept in the keyring/);
    // off and on again
    await section.getByLabel("Ask the service").uncheck();
    assert.equal(await address.count(), 0);
    await section.getByLabel("Ask the service").check();
    assert.equal(await address.inputValue(), "https://10.77.0.21:8920");
    // the key is Jellyfin's, whatever is asked now
    await service.selectOption("syncthing");
    assert.doesNotMatch(await section.innerText(), /Kept in the keyring/);
    await service.selectOption("qbittorrent");
    await section.getByLabel(/^User/).fill("admin");
    await section.getByLabel("Password", { exact: true }).fill("adminadmin");
    await section.getByLabel(/^Seeding counts above/).fill("64");
    await page.click("button[type=submit]");
    await ready(page);
    await page.click(`${card} a:has-text('Change the rule')`);
    await section.waitFor();
    assert.equal(await service.inputValue(), "qbittorrent");
    assert.equal(await section.getByLabel(/^User/).inputValue(), "admin");
    assert.equal(await section.getByLabel(/^Seeding counts above/).inputValue(), "64");
    await section.getByLabel("Ask the service").uncheck();
    await page.click("button[type=submit]");
    await ready(page);
    assert.equal(await page.locator(`${card} [data-criterion=probe]`).count(), 0);
  });
});

test("a question of one's own: a value, a text and a status of an HTTP answer, and a command", async () => {
  await visit("used&pace=0", "#/node/5/edit?at=idle", async (page) => {
    const section = page.locator(".idle");
    const probe = section.locator(".probe");
    await section.getByLabel("Ask the service").check();
    const service = section.getByLabel("What is asked");
    assert.equal(await service.inputValue(), "qbittorrent");
    assert.equal(await probe.getByLabel("Address").inputValue(), "http://10.77.0.11:8080");
    await service.selectOption("http");
    await probe.getByLabel("Address").fill("http://10.77.0.11:8080/status?apikey=abc");
    await probe.getByLabel("A value in its JSON").uncheck();
    await page.click("button[type=submit]");
    assert.match(await probe.innerText(), /No key in it: log in with a parameter/);
    assert.match(await probe.innerText(), /At least one of them/);
    await probe.getByLabel("Address").fill("http://10.77.0.11:8080/status");
    await probe.getByLabel("A value in its JSON").check();
    await probe.getByLabel("JSON pointer").fill("/jobs");
    await probe.getByLabel("The value").selectOption("more");
    await probe.getByLabel("More than").fill("2");
    await probe.getByLabel("A text").check();
    await probe.getByLabel("Text in the answer").fill("running");
    await probe.getByRole("button", { name: "not used" }).click();
    await probe.getByLabel("Log in with").selectOption("header");
    await probe.getByLabel("Header", { exact: true }).fill("X-Api-Key");
    await probe.getByLabel("Value of the header").fill("abc");
    await page.click("button[type=submit]");
    await ready(page);
    await page.click(`${card} a:has-text('Change the rule')`);
    await section.waitFor();
    assert.equal(await probe.getByLabel("JSON pointer").inputValue(), "/jobs");
    assert.equal(await probe.getByLabel("More than").inputValue(), "2");
    assert.equal(await probe.getByLabel("Text in the answer").inputValue(), "running");
    assert.equal(await probe.getByLabel("Header", { exact: true }).inputValue(), "X-Api-Key");
    assert.equal(await probe.getByRole("button", { name: "not used" }).getAttribute("aria-pressed"), "true");
    assert.equal(await probe.getByLabel("Its status").isChecked(), false);
    await accessible(page, "an HTTP answer");
    // a container has no SSH, nor has the VM it runs on: the machine below runs it
    await service.selectOption("ssh");
    assert.match(await probe.innerText(), /Runs on machine1, once a minute\./);
    await page.click("button[type=submit]");
    assert.match(await probe.innerText(), /A command of at most 4096 characters/);
    await probe.getByLabel("Command").fill("pgrep -x rsync");
    await page.click("button[type=submit]");
    await ready(page);
    assert.match(await text(page, `${card} [data-criterion=probe]`), /`pgrep -x rsync` says that it is used/);
  });
});

test("a port that accepts counts beside logins, or instead of them, with a warning", async () => {
  await visit("used&pace=0", "#/node/11/edit?at=idle", async (page) => {
    const access = page.locator(".idle [data-criterion=last_access]");
    const port = access.getByLabel(/^This port accepts connections/);
    await port.fill("70000");
    assert.match(await access.innerText(), /Reachable is not used/);
    await access.getByLabel("Somebody is logged in").uncheck();
    await page.click("button[type=submit]");
    assert.match(await access.innerText(), /A number from 1 to 65535/);
    await port.fill("");
    assert.match(await access.innerText(), /Without logins it needs a port/);
    await port.fill("25565");
    await page.click("button[type=submit]");
    await ready(page);
    await page.click(`${card} a:has-text('Change the rule')`);
    await access.waitFor();
    assert.equal(await port.inputValue(), "25565");
    assert.equal(await access.getByLabel("Somebody is logged in").isChecked(), false);
    await access.getByLabel("Logins").uncheck();
    await access.getByLabel("Logins").check();
    assert.equal(await port.inputValue(), "25565");
  });
  // nobody logs in to a container
  await visit("used&pace=0", "#/node/4/edit?at=idle", async (page) => {
    await page.locator(".idle").getByLabel("An open port").check();
    assert.equal(await page.locator(".idle").getByLabel("Somebody is logged in").count(), 0);
    await page.click("button[type=submit]");
    assert.match(await text(page, ".idle"), /Without logins it needs a port/);
  });
});

test("a rule that the engine refuses is refused at its field", async () => {
  await visit("used&pace=0", "#/node/11/edit?at=idle", async (page) => {
    await page.waitForSelector(".idle .criteria");
    await page.getByLabel("More than, %").count();
    await page.locator(".idle").getByLabel("Memory").check();
    await page.getByLabel("More than, %").fill("100");
    await page.click("button[type=submit]");
    assert.match(await text(page, ".idle"), /A percentage from 0 to less than 100/);
  });
});

test("thresholds are suggested from what was measured, and the rule is tried over it", async () => {
  await visit("used&pace=0", "#/node/11/edit?at=idle", async (page) => {
    await page.waitForSelector(".idle .criteria");
    await page.getByLabel("More than, KiB a minute").fill("1");
    await page.getByRole("button", { name: "What would this rule have done?" }).click();
    await page.waitForSelector(".idle .strip");
    assert.match(await text(page, ".idle"), /Over the last 3 h 59 min:\s*It would not have stopped it\./);
    await page.getByRole("button", { name: "Suggest thresholds" }).click();
    assert.equal(await page.getByLabel("More than, KiB a minute").inputValue(), "16");
    assert.equal(await page.getByLabel("More than, cores").inputValue(), "0.2");
    assert.match(await text(page, ".idle"), /Suggested from the last 4 h/);
    await page.getByRole("button", { name: "What would this rule have done?" }).click();
    await page.waitForFunction(() => /It would have stopped it at \d\d:\d\d/.test(document.querySelector(".idle").textContent));
    // a fault at a field is no rule to try
    await page.getByLabel("More than, cores").fill("-1");
    await page.getByRole("button", { name: "What would this rule have done?" }).click();
    await page.waitForSelector(".idle [aria-invalid]");
  });
  await visit("used&pace=0", "#/add?kind=machine", async (page) => {
    await page.locator(".idle").getByLabel("Idle", { exact: true }).check();
    assert.equal(await page.getByRole("button", { name: "What would this rule have done?" }).count(), 0);
  });
});

for (const [name, pattern] of [
  ["Shut down", /You shut lxc-cloudflared down/],
  ["Keep on", /You kept lxc-cloudflared on/],
  ["Snooze 1 h", /You are asked about lxc-cloudflared again in 1 h/],
  ["Always keep on", /lxc-cloudflared is always kept on/],
]) {
  test(`a question is answered with: ${name}`, async () => {
    await visit("evening&pace=10", "#/", async (page) => {
      const banner = page.locator('[data-question="7"]');
      if (name === "Always keep on") {
        await banner.getByRole("button", { name: "More answers about lxc-cloudflared" }).click();
        await banner.getByRole("menuitem", { name }).click();
      } else await banner.getByRole("button", { name, exact: true }).click();
      await banner.waitFor({ state: "detached" });
      await page.goto(page.url().replace(/#.*/, "#/node/10"));
      await page.waitForFunction((pattern) => new RegExp(pattern).test(document.querySelector("main").textContent), pattern.source);
      if (name === "Always keep on") await page.waitForFunction(() => document.querySelector("[data-why]")?.textContent.includes("always on"));
    });
  });
}

test("a question is answered at its tile as well", async () => {
  await visit("evening&pace=0", "#/", async (page) => {
    await page.locator(tile("lxc-cloudflared")).getByRole("button", { name: "More answers about lxc-cloudflared" }).click();
    await page.getByRole("menuitem", { name: "Snooze 1 h" }).click();
    await page.waitForSelector(".question", { state: "detached" });
  });
});

test("a notice counts down, keeps on first, and is said once", async () => {
  await visit("grace&pace=0", "#/", async (page) => {
    const notice = page.locator("[data-grace]");
    const seconds = async () => Number(/Shut down in (\d+)\s/.exec(await notice.innerText())?.[1]);
    const first = await seconds();
    assert.ok(first > 0 && first <= 42, String(first));
    assert.match(await notice.innerText(), /sandbox has not been used for 30 min\./);
    assert.equal(await notice.locator(".btn-primary").innerText(), "Keep on");
    assert.equal(await page.locator(".btn-primary").count(), 1);
    await page.waitForFunction((first) => Number(/in (\d+)\s/.exec(document.querySelector("[data-grace]").textContent)[1]) < first, first);
    // nothing around the seconds is a live region
    assert.equal(await page.evaluate(() => document.querySelector("[data-grace] [role=timer]").closest("[aria-live], [role=status], [role=alert], [role=log]")), null);
    await notice.getByRole("button", { name: "Keep on", exact: true }).click();
    await notice.waitFor({ state: "detached" });
    await page.waitForSelector('[data-question="7"]');
  });
});

test("automatic stops are paused from the dashboard and allowed from the palette", async () => {
  await visit("used&pace=0", "#/", async (page) => {
    await page.getByRole("button", { name: "Pause automatic stops" }).click();
    assert.equal(await focused(page), "Pause");
    await page.getByRole("radio", { name: /^Until tomorrow, 08:00/ }).check();
    await page.locator("dialog").getByRole("button", { name: "Pause" }).click();
    await page.waitForSelector(".paused");
    assert.match(await text(page, ".paused"), /Nothing is stopped automatically until tomorrow, 08:00\./);
    await page.goto(page.url().replace(/#.*/, "#/journal"));
    await page.waitForSelector(".paused");
    await page.keyboard.press("Control+k");
    await page.keyboard.type("allow auto");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".paused", { state: "detached" });
    await page.keyboard.press("Control+k");
    await page.keyboard.type("pause auto");
    await page.keyboard.press("Enter");
    const field = page.getByLabel("Day and time");
    await field.fill("2020-01-01T08:00");
    await page.keyboard.press("Enter");
    assert.match(await text(page, "dialog"), /A time that is still to come/);
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
  });
});

test("a node is kept on from its tile, until a time, and for ever", async () => {
  await visit("used&pace=0", "#/", async (page) => {
    const more = page.locator(tile("qbittorrent")).getByRole("button", { name: "More for qbittorrent" });
    await more.click();
    await page.getByRole("menuitem", { name: "Until a time" }).click();
    await page.getByRole("radio", { name: /^Tonight, until 06:00/ }).check();
    await page.locator("dialog").getByRole("button", { name: "Keep on" }).click();
    await page.waitForFunction((selector) => /Held until .*06:00/.test(document.querySelector(selector).textContent), tile("qbittorrent"));
    await more.click();
    await page.getByRole("menuitem", { name: "Always", exact: true }).click();
    await page.waitForFunction((selector) => document.querySelector(selector).textContent.includes("Always on"), tile("qbittorrent"));
  });
});

test("the usual timeout is set for all", async () => {
  await visit("used&pace=0", "#/settings", async (page) => {
    const field = page.getByLabel("Stop after");
    await field.fill("0");
    await field.press("Enter");
    assert.match(await text(page, ".setting:has([aria-invalid])"), /Whole minutes from 1 to 10080/);
    await field.fill("90");
    await field.press("Enter");
    await page.waitForSelector(".undo");
    assert.match(await text(page, ".setting:has(#" + (await field.getAttribute("id")) + ")"), /1 h 30 min without use/);
  });
});

test("who may only look is offered none of it", async () => {
  await visit("grace&pace=0&right=read", "#/", async (page) => {
    assert.equal(await page.getByRole("button", { name: /Pause automatic stops|Keep on|Snooze/ }).count(), 0);
    await page.goto(page.url().replace(/#.*/, "#/node/8"));
    await ready(page);
    assert.equal(await page.locator(`${card} a, ${card} button`).count(), 0);
  });
});

test("axe-core finds nothing", async () => {
  for (const width of [1200, 360]) {
    for (const [scenario, hash, act] of [
      ["used", "#/node/5", ready],
      ["used", "#/node/7", ready],
      ["used", "#/node/12", ready],
      ["used", "#/node/8", ready],
      ["grace", "#/"],
      ["paused", "#/"],
      ["used", "#/node/5", async (page) => (await page.getByRole("button", { name: "Keep on" }).click(), await page.getByRole("menuitem", { name: "Until a time" }).click())],
      ["used", "#/node/11/edit?at=idle", async (page) => {
        await page.waitForSelector(".idle .criteria");
        await page.getByRole("button", { name: "What would this rule have done?" }).click();
        await page.waitForSelector(".idle .strip");
      }],
    ]) {
      await visit(`${scenario}&pace=0`, hash, async (page) => {
        await act?.(page);
        await page.waitForSelector("main h1");
        await accessible(page, `${scenario} ${hash} at ${width} px`);
      }, { viewport: { width, height: 800 } });
    }
  }
});
