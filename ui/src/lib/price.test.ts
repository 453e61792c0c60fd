import { expect, test } from "vitest";
import { currencies, readPrice, writePrice } from "./price";

test("a price is read with a comma or a point, and nothing else is", () => {
  expect(readPrice("0.31")).toBe(0.31);
  expect(readPrice(" 0,2516 ")).toBe(0.2516);
  expect(readPrice("")).toBeNull();
  for (const wrong of ["-1", "31 ct", "1.2.3", "101", "1e3", "0,31 €"]) expect(readPrice(wrong), wrong).toBeUndefined();
});

test("what is written is read again", () => {
  for (const price of [0, 0.31, 0.251_699, 100]) {
    expect(readPrice(writePrice(price, "fr"))).toBe(price);
    expect(readPrice(writePrice(price, "en"))).toBe(price);
  }
  expect(writePrice(0.31, "fr")).toBe("0,31");
});

test("currencies come by name, and the one that is kept is never missing", () => {
  const french = currencies("fr", "EUR");
  expect(french.find(([code]) => code === "EUR")?.[1]).toBe("Euro (EUR)");
  expect(currencies("en", "XQQ").some(([code]) => code === "XQQ")).toBe(true);
});
