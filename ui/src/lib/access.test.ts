import { expect, test } from "vitest";
import { hostsOf, isHost, isIp, listenOf, needsYes, placeOf, reach, textOf } from "./access";

test("addresses reach as far as the engine says", () => {
  const all = {
    this_computer: ["127.0.0.1", "127.9.0.1", "::1", "::ffff:127.0.0.1"],
    private_networks: ["192.168.1.5", "10.0.0.1", "172.31.0.1", "100.64.0.1", "169.254.1.1", "fd00::1", "fe80::1", "0.0.0.0", "::"],
    anywhere: ["203.0.113.7", "100.128.0.1", "172.32.0.1", "192.169.0.1", "2001:db8::1"],
  };
  for (const [far, ips] of Object.entries(all)) for (const ip of ips) expect([ip, reach(ip)]).toEqual([ip, far]);
});

test("what listens is read and written", () => {
  for (const text of ["127.0.0.1:9253", "[::1]:80", "0.0.0.0:1"]) expect(textOf(listenOf(text))).toBe(text);
  expect(["127.0.0.1", "0.0.0.0", "192.168.1.5", "::"].map(placeOf)).toEqual(["here", "network", "address", "address"]);
});

test("what is no address is none", () => {
  for (const right of ["192.168.1.5", "0.0.0.0", "::1", "fd00::5"]) expect([right, isIp(right)]).toEqual([right, true]);
  for (const wrong of ["", "nas", "192.168.1", "192.168.1.256", "1.2.3.4.5", "192.168.1.5:80", "http://1.2.3.4", "a:b"]) expect([wrong, isIp(wrong)]).toEqual([wrong, false]);
});

test("a network is asked about once, and only while it listens", () => {
  const access = { tcp: true, listen: "0.0.0.0:9253", plain_http: "this_computer" as const, hosts: [] };
  expect(needsYes(access)).toBe(true);
  expect(needsYes({ ...access, plain_http: "private_networks" })).toBe(false);
  expect(needsYes({ ...access, tcp: false })).toBe(false);
  expect(needsYes({ ...access, listen: "203.0.113.7:9253", plain_http: "private_networks" })).toBe(true);
});

test("names are typed with commas or spaces", () => {
  expect(hostsOf(" wakehub.example.org, home ")).toEqual(["wakehub.example.org", "home"]);
  expect(["http://x", "a/b", "ü", "x".repeat(254)].map(isHost)).toEqual([false, false, false, false]);
});
