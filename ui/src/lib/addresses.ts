// What a scan has found, one line for each machine, the likeliest first.
import type { FoundAddress } from "./backend/backend";

/** The list with this one in it: what is known of the same machine from two sources becomes one line. */
export function addresses(list: FoundAddress[], next: FoundAddress): FoundAddress[] {
  const isSame = (one: FoundAddress) => one.address === next.address || (one.mac !== null && one.mac === next.mac && isLocal(one.address) !== isLocal(next.address));
  const old = list.find(isSame);
  const merged = old ? merge(old, next) : next;
  return [...list.filter((one) => one !== old), merged].sort((a, b) => rank(a) - rank(b) || inOrder(a.address).localeCompare(inOrder(b.address)));
}

function merge(old: FoundAddress, next: FoundAddress): FoundAddress {
  return {
    address: isLocal(old.address) ? next.address : old.address,
    mac: next.mac ?? old.mac,
    name: next.name ?? old.name,
    vendor: next.vendor ?? old.vendor,
    source: next.source,
    node: next.node ?? old.node,
  };
}

/** Addresses that only hold on one wire say nothing to a person. */
const isLocal = (address: string) => /^fe80:/i.test(address);

/** First what can be woken and has a name; last what is configured or a gateway. */
function rank(one: FoundAddress): number {
  if (one.node !== null) return 4;
  if (isLocal(one.address)) return 3;
  if (/^(_?gateway|router|fritz\.?box)\b/i.test(one.name ?? "")) return 2;
  return one.mac !== null && one.name !== null ? 0 : 1;
}

/** So that 10.0.0.9 stands before 10.0.0.10. */
const inOrder = (address: string) => address.replace(/\d+/g, (digits) => digits.padStart(3, "0"));

/** A name for the node: the machine's own, without its domain. */
export function nodeName(found: FoundAddress): string {
  return found.name?.split(".")[0] ?? "";
}
