// Figures of the window in a real browser: page changes, scrolling through 1,000 nodes, and 500 snapshots a second.
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

/** The times between frames while `act` runs in the page, and its long tasks. */
async function watch(page, act, argument) {
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

const scroll = async (by) => {
  for (let n = 0; n < 300; n += 1) {
    window.scrollBy(0, by);
    await new Promise(requestAnimationFrame);
  }
};
const rest = (ms) => new Promise((done) => setTimeout(done, ms));
const report = (name, { frames, tasks }) =>
  console.log(`${name}: frames ${figures(frames)}; ${tasks.length} long tasks${tasks.length > 0 ? `, longest ${Math.max(...tasks).toFixed(0)} ms` : ""}`);

{
  const page = await open("many&pace=0", "#/machines");
  report("1,000 nodes, scrolled 60 px a frame ", await watch(page, scroll, 60));
  await page.evaluate(() => window.scrollTo(0, 0));
  report("1,000 nodes, scrolled 400 px a frame", await watch(page, scroll, 400));
  await page.close();
}
for (const [query, hash] of [["evening&pace=0&rate=500", "#/"], ["evening&pace=0&rate=500", "#/machines"], ["many&pace=0&rate=500", "#/machines"], ["many&pace=0&rate=500", "#/node/12"]]) {
  const page = await open(query, hash);
  report(`500 snapshots a second, ${query.split("&")[0]} ${hash}`, await watch(page, rest, 5000));
  await page.close();
}
await browser.close();
await server.close();
