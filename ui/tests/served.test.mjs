// The pages as WakeHub itself serves them, in a real browser: the real engine over the demo homelab, and the real API.
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./serve.mjs";
import { signIn, tile, visit } from "./served.mjs";
import { accessible } from "./visit.mjs";
import { runWakehub } from "./wakehub.mjs";

let wakehub;
let browser;

before(async () => {
  [wakehub, browser] = await Promise.all([runWakehub(), launch()]);
});

after(async () => {
  await browser?.close();
  await wakehub?.close();
});

test("a token opens the dashboard, and a start is previewed, runs and ends lit", async () => {
  const token = await wakehub.token("control");
  await visit(browser, wakehub, "#/", async (page) => {
    await signIn(page, token);
    await page.click(`${tile("lxc-jellyfin")} .btn-tonal`);
    await page.waitForSelector("dialog .rail");
    const steps = await page.locator("dialog .rail .what > .name").allInnerTexts();
    assert.equal(steps.at(-1), "lxc-jellyfin");
    await page.keyboard.press("Enter");
    await page.waitForSelector(`${tile("lxc-jellyfin")}[data-state="on"]`);
    const { nodes } = await wakehub.api(token, "GET", "snapshot");
    assert.equal(nodes.find((node) => node.name === "lxc-jellyfin").power, "on");
  });
});

/** Asks over the socket of the user, which counts no requests. */
function own(agent, method, path, body) {
  return new Promise((done, failed) => {
    const asked = request({ agent, socketPath: join(wakehub.folder, "wakehub.sock"), method, path: `/api/v1/${path}`, headers: { host: "localhost", "content-type": "application/json" } }, (answer) => {
      answer.resume().once("end", () => (answer.statusCode < 300 ? done() : failed(new Error(`${method} ${path}: ${answer.statusCode}`))));
    });
    asked.once("error", failed).end(JSON.stringify(body));
  });
}

test("a burst of thousands of changes leaves every page with how things stand", async () => {
  const token = await wakehub.token("control", "burst");
  const { nodes } = await wakehub.api(token, "GET", "snapshot");
  const left = nodes.filter((node) => !node.pinned);
  await visit(browser, wakehub, ["#/", `#/node/${nodes[0].id}`, "#/machines", "#/graph"], async (dashboard, node, machines, graph) => {
    await dashboard.waitForSelector(".tile");
    await graph.waitForSelector(".svelte-flow__node");
    await machines.waitForSelector("[role=row]");
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const began = performance.now();
    for (let turn = 0; turn < 3001; turn += left.length) {
      await Promise.all(left.map((one, at) => own(agent, "PUT", `nodes/${one.id}/pinned`, { pinned: (turn + at) % 3 !== 0 })));
    }
    agent.destroy();
    console.log(`# ${Math.round(3001 / ((performance.now() - began) / 1000))} changes a second`);
    const now = await wakehub.api(token, "GET", "snapshot");
    const pinned = now.nodes.filter((one) => one.pinned).map((one) => one.name).sort();
    assert.notEqual(pinned.length, now.nodes.length);
    await dashboard.waitForFunction((wanted) => [...document.querySelectorAll(".tile[data-node]")].map((one) => one.dataset.node).sort().join() === wanted, pinned.join());
    for (const page of [dashboard, node, machines, graph]) {
      assert.equal(await page.locator(".window.lost, main .trouble").count(), 0);
      assert.equal(await page.locator("main h1").count(), 1);
    }
  }, { token });
});

test("a homelab.toml of 10 MB is refused with a message, picked or pasted, and the page goes on", async () => {
  const token = await wakehub.token("control", "import");
  const big = `# ${"x".repeat(77)}\n`.repeat(125_000) + '[[node]]\nname = "box"\nkind = "machine"\n';
  await visit(browser, wakehub, "#/settings", async (page) => {
    const area = page.getByLabel("Content of homelab.toml");
    await page.setInputFiles("input[type=file]", { name: "homelab.toml", mimeType: "text/plain", buffer: Buffer.from(big) });
    await page.waitForSelector(".field .error >> text=It has 10.1 MB; a homelab.toml has 2 MB at most.");
    assert.equal(await area.inputValue(), "");
    await area.fill("[[node]]");
    assert.equal(await page.locator(".field .error").count(), 0);
    await area.evaluate((field, text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", text);
      field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }, big);
    await page.waitForSelector(".field .error");
    assert.equal(await area.inputValue(), "[[node]]");
    // typed, or put there by an extension: it is measured before it is sent, in bytes
    await area.evaluate((field, text) => ((field.value = text), field.dispatchEvent(new InputEvent("input"))), "# é".repeat(600_000));
    await page.click(".btn:has-text('Import')");
    await page.waitForSelector(".field .error >> text=It has 2.4 MB");
    await area.fill('[[node]]\nname = "box"\nkind = "machine"\n');
    await page.click(".btn:has-text('Import')");
    await page.waitForSelector(".report >> text=1 added, 0 changed");
  }, { token });
});

for (const locale of ["en-GB", "fr-FR"]) {
  test(`the page that asks for a token is there for everybody, in ${locale}`, async () => {
    for (const [width, height] of [[360, 640], [1024, 768]]) {
      await visit(browser, wakehub, "#/", async (page) => {
        const where = (state) => `${state}, ${width} px`;
        const field = page.locator("input[type=password]");
        await field.waitFor();
        assert.equal(await field.evaluate((input) => input === document.activeElement), true, "one begins to type at once");
        assert.equal(await page.getAttribute("html", "lang"), locale.slice(0, 2));
        await accessible(page, where("asked"));
        await page.keyboard.type("wh-aaaa-wrong");
        await page.keyboard.press("Enter");
        await page.waitForSelector("[aria-invalid]");
        await accessible(page, where("wrong"));
        // nobody answers
        await page.route("**/platform", (route) => route.abort());
        await field.press("Enter");
        await page.waitForSelector("[role=status] .heed");
        await accessible(page, where("no answer"));
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, "nothing is cut off");
      }, { locale, viewport: { width, height }, expected: /401|net::ERR_FAILED/ });
    }
  });
}
