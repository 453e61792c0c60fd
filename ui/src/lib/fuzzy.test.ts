import { expect, it } from "vitest";
import { fuzzy } from "./fuzzy";

const best = (wanted: string, all: string[]) =>
  all
    .map((text) => ({ text, match: fuzzy(text, wanted) }))
    .filter((one) => one.match)
    .sort((a, b) => b.match!.score - a.match!.score)
    .map((one) => one.text);

const names = ["machine1", "vm-docker", "jellystat", "lxc-jellyfin", "vm-homeassistant", "nas", "nextcloud", "Réglages"];

it.each([
  ["jelly", "jellystat"],
  ["lj", "lxc-jellyfin"],
  ["vha", "vm-homeassistant"],
  ["NAS", "nas"],
  ["reg", "Réglages"],
  ["home assistant", "vm-homeassistant"],
])("%s finds %s first", (wanted, found) => expect(best(wanted, names)[0]).toBe(found));

it("leaves out what lacks a character", () => expect(best("xyz", names)).toEqual([]));
it("says where the characters stand", () => expect(fuzzy("lxc-jellyfin", "lj")?.at).toEqual([0, 4]));
it("finds everything with nothing", () => expect(best("", names)).toHaveLength(names.length));
