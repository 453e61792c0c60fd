import { expect, it } from "vitest";
import { addresses, nodeName } from "./addresses";
import type { FoundAddress } from "./backend/backend";

const found = (address: string, extra: Partial<FoundAddress> = {}): FoundAddress => ({ address, mac: null, name: null, vendor: null, source: "neighbours", node: null, ...extra });
const all = (...list: FoundAddress[]) => list.reduce<FoundAddress[]>(addresses, []);

it("makes one line of what two sources know of a machine", () => {
  const list = all(found("10.0.0.3", { mac: "aa", vendor: "Synology" }), found("10.0.0.3", { name: "nas.local", source: "mdns" }));
  expect(list).toEqual([found("10.0.0.3", { mac: "aa", vendor: "Synology", name: "nas.local", source: "mdns" })]);
});

it("takes the address that holds beyond the wire", () => {
  const list = all(found("fe80::1", { mac: "aa" }), found("10.0.0.3", { mac: "aa", name: "nas.lan" }));
  expect(list.map((one) => one.address)).toEqual(["10.0.0.3"]);
});

it("keeps two machines behind one MAC apart", () => {
  expect(all(found("10.0.0.3", { mac: "aa" }), found("10.0.0.4", { mac: "aa" }))).toHaveLength(2);
});

it("puts what can be woken and is not known first, in the order of numbers", () => {
  const list = all(
    found("10.0.0.1", { mac: "01", name: "fritz.box" }),
    found("10.0.0.10", { mac: "0a", name: "b.lan" }),
    found("10.0.0.9", { mac: "09", name: "a.lan" }),
    found("10.0.0.2", { mac: "02", name: "nas.lan", node: 11 }),
    found("10.0.0.5", { mac: "05" }),
  );
  expect(list.map((one) => one.address)).toEqual(["10.0.0.9", "10.0.0.10", "10.0.0.5", "10.0.0.1", "10.0.0.2"]);
});

it("names a node without its domain", () => {
  expect(nodeName(found("10.0.0.3", { name: "nas.local" }))).toBe("nas");
  expect(nodeName(found("10.0.0.3"))).toBe("");
});
