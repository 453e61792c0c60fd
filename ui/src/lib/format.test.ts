import { describe, expect, it } from "vitest";
import { bytes, duration, fingerprint, moment, stopwatch } from "./format";

const plain = (text: string) => text.replaceAll("\u00A0", " ").replaceAll("\u202F", " ");

describe("duration", () => {
  it.each([
    [0, "0 ms"],
    [31, "31 ms"],
    [999.6, "1000 ms"],
    [1000, "1 s"],
    [59_400, "59 s"],
    [65_000, "1 min 5 s"],
    [120_000, "2 min"],
    [136 * 60_000, "2 h 16 min"],
    [5 * 3_600_000, "5 h"],
    [50 * 3_600_000, "2 d 2 h"],
    [12 * 86_400_000 + 3_600_000, "12 d"],
    [-5, "0 ms"],
  ])("%d ms reads %s", (ms, text) => {
    expect(plain(duration(ms, "en"))).toBe(text);
  });

  it("says days in French", () => {
    expect(plain(duration(12 * 86_400_000, "fr"))).toBe("12 j");
  });

  it("never breaks between a number and its unit", () => {
    expect(duration(65_000, "en")).not.toContain(" ");
  });
});

it("a stopwatch counts up to hours", () => {
  expect(stopwatch(53_400)).toBe("0:53");
  expect(stopwatch(725_000)).toBe("12:05");
  expect(stopwatch(3_729_000)).toBe("1:02:09");
  expect(stopwatch(-1)).toBe("0:00");
});

describe("moment", () => {
  const now = new Date(2026, 10, 21, 20, 47).getTime();
  it.each([
    [new Date(2026, 10, 21, 20, 41), "20:41"],
    [new Date(2026, 10, 20, 23, 10), "Fri 23:10"],
    [new Date(2026, 10, 12, 9, 0), "12 Nov"],
  ])("%s reads %s", (at, text) => {
    expect(plain(moment(at.getTime(), now, "en-GB"))).toBe(text);
  });

  it("writes the weekday of the language", () => {
    expect(plain(moment(new Date(2026, 10, 20, 23, 10).getTime(), now, "fr-FR"))).toBe("ven 23:10");
  });
});

it("bytes carry a unit of thousands", () => {
  expect(plain(bytes(139, "en"))).toBe("139 B");
  expect(plain(bytes(2_100_000_000, "en"))).toBe("2.1 GB");
  expect(plain(bytes(2_100_000_000, "fr-FR"))).toBe("2,1 Go");
});

describe("fingerprint", () => {
  it("groups a host key by four and keeps every character", () => {
    const { hash, groups } = fingerprint("SHA256:Hq3v9TzWm2Lc8KpX0aYdRfUe6sNbGj1i4oVtCzE7wPx");
    expect(hash).toBe("SHA256");
    expect(groups[0]).toBe("Hq3v");
    expect(groups.join("")).toBe("Hq3v9TzWm2Lc8KpX0aYdRfUe6sNbGj1i4oVtCzE7wPx");
  });

  it("leaves a certificate in its pairs", () => {
    const { groups } = fingerprint("AB:CD:EF:01:23:45");
    expect(groups).toEqual(["AB:CD", "EF:01", "23:45"]);
  });
});
