// Figures of the window in a real browser: page changes, scrolling through 1,000 nodes, the graph of 200, and 500 snapshots a
// second. Frames and long tasks are measured as they pass, and are worse on a computer that does something else beside; what
// the page itself needs is told by the processor time of its tasks.
// node ui/tests/bench.mjs
import { build, launch, serve } from "./serve.mjs";

build();
const server = await serve();
const browser = await launch();

async function open(query, hash) {
  const page = await (await browser.newContext({ viewport: { width: 1200, height: 800 }, locale: "en-GB" })).newPage();
  await page.goto(`${server.url}?fake=${query}${hash}`);
  await page.waitForSelector("main h1");
  await page.waitForTimeout(500);
  return page;
}

const figures = (all) => {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]?.toFixed(1);
  return `median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${at(1)} ms`;
};

{
  const page = await open("evening&pace=0", "#/");
  for (const hash of ["#/machines", "#/node/9", "#/node/11", "#/journal", "#/settings", "#/"]) {
    const took = [];
    for (let n = 0; n < 10; n += 1) {
      await page.evaluate(() => (location.hash = "#/nowhere"));
      await page.waitForTimeout(60);
      // Until the frame after the one that shows the page.
      took.push(
        await page.evaluate(
          (to) =>
            new Promise((done) => {
              const from = performance.now();
              location.hash = to;
              requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - from)));
            }),
          hash,
        ),
      );
    }
    console.log(`page change to ${hash.padEnd(11)} ${figures(took)}`);
  }
  await page.close();
}

/** The tasks of the page's own thread while `work` runs, in ms of processor time, from Chromium's trace. */
async function processor(page, work) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  await session.send("Tracing.start", { traceConfig: { includedCategories: ["toplevel", "__metadata"] }, transferMode: "ReportEvents" });
  const from = performance.now();
  const result = await work();
  const lasted = performance.now() - from;
  const over = new Promise((done) => session.once("Tracing.tracingComplete", done));
  await session.send("Tracing.end");
  await over;
  const threads = new Map();
  for (const { name, args, pid, tid } of events) if (name === "thread_name" && args.name === "CrRendererMain") threads.set(`${pid}/${tid}`, []);
  for (const { name, tdur, pid, tid } of events) if (name.endsWith("RunTask") && tdur !== undefined) threads.get(`${pid}/${tid}`)?.push(tdur / 1000);
  const sum = (all) => all.reduce((a, b) => a + b, 0);
  // other pages have threads of their own, and nothing to do
  const tasks = [...threads.values()].toSorted((a, b) => sum(b) - sum(a))[0];
  return { ...result, cpu: { share: sum(tasks) / lasted, longest: Math.max(...tasks), long: tasks.filter((took) => took >= 50).length } };
}

/** The times between frames while `act` runs in the page, and its long tasks. */
async function watch(page, act, argument) {
  return processor(page, () => frames(page, act, argument));
}

function frames(page, act, argument) {
  return page.evaluate(
    async ([source, argument]) => {
      const tasks = [];
      new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ entryTypes: ["longtask"] });
      const frames = [];
      let last = performance.now();
      let isOver = false;
      const frame = (now) => {
        frames.push(now - last);
        last = now;
        if (!isOver) requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
      await new Function(`return (${source})`)()(argument);
      isOver = true;
      await new Promise((done) => setTimeout(done, 100));
      return { frames: frames.slice(2), tasks };
    },
    [act.toString(), argument],
  );
}

/** Down, and up again from the end. */
const scroll = async (by) => {
  const end = document.documentElement.scrollHeight - window.innerHeight;
  for (let n = 0; n < 300; n += 1) {
    if (window.scrollY + by < 0 || window.scrollY + by > end) by = -by;
    window.scrollBy(0, by);
    await new Promise(requestAnimationFrame);
  }
};
const rest = (ms) => new Promise((done) => setTimeout(done, ms));
const report = (name, { frames, tasks, cpu }) => {
  console.log(`${name}: frames ${figures(frames)}; ${tasks.length} long tasks${tasks.length > 0 ? `, longest ${Math.max(...tasks).toFixed(0)} ms` : ""}`);
  console.log(`${" ".repeat(name.length)}  processor ${(cpu.share * 100).toFixed(0)} %, longest task ${cpu.longest.toFixed(0)} ms, ${cpu.long} of 50 ms or more`);
};
/** What is under the pointer is pulled about. */
const pull = async () => {
  const target = document.querySelector(".svelte-flow__pane");
  const { left, top } = target.getBoundingClientRect();
  const at = (type, n, on) => on.dispatchEvent(new MouseEvent(type, { bubbles: true, cancelable: true, view: window, button: 0, clientX: left + 300 + 200 * Math.sin(n / 20), clientY: top + 200 + 100 * Math.sin(n / 13) }));
  at("mousedown", 0, target);
  for (let n = 0; n < 300; n += 1) {
    at("mousemove", n, window);
    await new Promise(requestAnimationFrame);
  }
  at("mouseup", 300, window);
};

/** In the place of everything: as many elements, in lines as long as the page was, that nobody has to write. */
const plain = () => {
  const { scrollHeight } = document.documentElement;
  const lines = Array.from({ length: document.querySelectorAll("*").length }, (_, n) => Object.assign(document.createElement("div"), { textContent: `line ${n}` }));
  for (const line of lines) Object.assign(line.style, { height: `${scrollHeight / lines.length}px`, overflow: "hidden" });
  document.body.replaceChildren(...lines);
};

// What this computer does at its best, now, is told by a plain page: nothing scrolls better than that.
{
  const page = await open("many&pace=0", "#/machines");
  for (const name of ["1,000 nodes,", "a plain page,"]) {
    for (const by of [60, 400]) {
      await page.evaluate(() => window.scrollTo(0, 0));
      report(`${name} scrolled ${by} px a frame`, await watch(page, scroll, by));
    }
    await page.evaluate(plain);
  }
  await page.close();
}
{
  const page = await open("estate&pace=0", "#/graph");
  await page.waitForSelector(".svelte-flow__node");
  const seen = () => page.locator(".svelte-flow__viewport").getAttribute("style");
  const before = await seen();
  report("a graph of 200 nodes, pulled about", await watch(page, pull));
  if ((await seen()) === before) throw new Error("the graph did not move");
  await page.close();
}
for (const [query, hash] of [["evening&pace=0&rate=500", "#/"], ["estate&pace=0&rate=500", "#/graph"], ["evening&pace=0&rate=500", "#/machines"], ["many&pace=0&rate=500", "#/machines"], ["many&pace=0&rate=500", "#/node/12"]]) {
  const page = await open(query, hash);
  report(`500 snapshots a second, ${query.split("&")[0]} ${hash}`, await watch(page, rest, 5000));
  await page.close();
}
await browser.close();
await server.close();
