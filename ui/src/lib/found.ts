import type { DiscoveredView } from "./backend/bindings";
import { bytes } from "./format";
import { m, words } from "./i18n/index.svelte";

/** What the platform says about a guest, in one line. */
export function found(one: DiscoveredView): string {
  return [
    m.kind[one.kind],
    one.kind === "container" ? null : one.platform_id,
    one.image,
    one.compose && m.composeOf(one.compose),
    one.addresses.join(", "),
    one.ports.length > 0 && m.ports(one.ports.join(", ")),
    one.cores !== null && m.cores(one.cores),
    one.memory_bytes !== null && bytes(one.memory_bytes, words.locale),
  ]
    .filter(Boolean)
    .join(" · ");
}
