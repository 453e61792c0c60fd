// What a menu offers to keep a node on.
import type { NodeView } from "$lib/backend/bindings";
import { m } from "$lib/i18n/index.svelte";
import { name } from "$lib/rich";
import { hold } from "$lib/state/editing";
import { puttingOff } from "$lib/state/putting-off.svelte";
import type { MenuItem } from "$components/base/Menu.svelte";

export function keepItems(node: NodeView, now: number, group?: string): MenuItem[] {
  const isHeld = node.held_until !== null && node.held_until > now;
  const wanted = { kind: "keep" as const, node };
  const item = (label: string, act: () => unknown): MenuItem => ({ label, icon: "hold", acts: true, group, act: () => void act() });
  if (node.always_on) return [];
  return [
    ...(isHeld ? [item(m.release, () => hold(node, null, m.released(name(node.name))))] : []),
    ...(node.power === "on"
      ? [
          ...puttingOff.choices(wanted, now).filter((one) => one.until !== null).map((one) => item(one.label, () => puttingOff.take(wanted, one.until))),
          item(m.untilTime, () => puttingOff.keep(node)),
          { ...item(m.forEver, () => puttingOff.take(wanted, null)), icon: "always" as const },
        ]
      : []),
  ];
}
