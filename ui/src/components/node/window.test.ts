import { describe, expect, it } from "vitest";
import { place, putInOrder, windowOf } from "./window";

describe("the rows that are built", () => {
  it("are those in view of a long table, and some around", () => {
    const { from, to } = windowOf(1000, { top: 3600, height: 900, row: 36 });
    expect(from).toBeLessThan(100);
    expect(to).toBeGreaterThan(125);
    expect(to - from).toBeLessThan(60);
  });

  it("stay within the table at its ends", () => {
    expect(windowOf(1000, { top: -500, height: 900, row: 36 }).from).toBe(0);
    expect(windowOf(1000, { top: 35_900, height: 900, row: 36 }).to).toBe(1000);
  });

  it("are none while the table is far out of view", () => {
    const below = windowOf(1000, { top: -9000, height: 900, row: 36 });
    expect(below.to - below.from).toBe(0);
    const above = windowOf(1000, { top: 99_999, height: 900, row: 36 });
    expect(above.to - above.from).toBe(0);
  });
});

describe("the row elements", () => {
  const all = () => true;

  it("keep whoever stays, and take whoever comes in the place of whoever left", () => {
    expect(place([1, 2, 3, 4], [3, 4, 5, 6], all)).toEqual([5, 6, 3, 4]);
  });

  it("become more where more is in view", () => {
    expect(place([1, 2], [2, 3, 4], all)).toEqual([3, 2, 4]);
  });

  it("show what they showed while nobody needs them", () => {
    expect(place([1, 2, 3], [2], all)).toEqual([1, 2, 3]);
  });

  it("show nobody who is gone", () => {
    expect(place([1, 2, 3], [2], (node) => node !== 3)).toEqual([1, 2]);
    expect(place([1, 2, 3], [2, 4], (node) => node !== 1)).toEqual([4, 2, 3]);
  });

  it("never show anybody twice", () => {
    expect(place([5, 6, 3, 4], [5, 5, 9], all)).toEqual([5, 9, 3, 4]);
  });
});

describe("the order in the page", () => {
  function table(indices: number[]) {
    const body = document.createElement("div");
    for (const index of indices) {
      const row = document.createElement("div");
      row.tabIndex = -1;
      row.setAttribute("aria-rowindex", String(index));
      body.append(row);
    }
    document.body.replaceChildren(body);
    return { body, row: (index: number) => body.querySelector<HTMLElement>(`[aria-rowindex="${index}"]`)!, order: () => [...body.children].map((row) => Number(row.getAttribute("aria-rowindex"))) };
  }

  it("is that of the rows", () => {
    const { body, order } = table([14, 15, 10, 11, 12, 900, 13]);
    putInOrder([...body.children], null);
    expect(order()).toEqual([10, 11, 12, 13, 14, 15, 900]);
  });

  it("comes about without taking the row with the focus away", () => {
    for (const index of [10, 12, 14, 900]) {
      const { body, row, order } = table([14, 15, 10, 11, 12, 900, 13]);
      row(index).focus();
      let blurs = 0;
      row(index).addEventListener("blur", () => (blurs += 1));
      putInOrder([...body.children], row(index));
      expect(order()).toEqual([10, 11, 12, 13, 14, 15, 900]);
      expect([document.activeElement, blurs]).toEqual([row(index), 0]);
    }
  });
});
