import { describe, expect, it } from "vitest";
import catalogue from "./fr-engine.json";
import { french, told } from "./fr-engine";

const mark = (name: string) => `<${name}>`;
const spaced = (text: string | null) => text?.replaceAll("\u00A0", " ") ?? null;

describe("the engine's sentences", () => {
  it.each([
    ["you asked for it", "demandé"],
    ["nas stays on: it is always on", "nas reste allumé : toujours allumé"],
    ["nas stays on", "nas reste allumé"],
    ["the stop of nas was interrupted", "arrêt de nas : interrompu"],
    ["failed to start nas: not done within 30 s; last: no answer yet", "échec du démarrage de nas : pas fini en 30 s ; au dernier regard : pas encore de réponse"],
    ["the disk is full: I/O. WakeHub starts and stops nothing until there is room again.", "le disque est plein : I/O. WakeHub ne démarre et n’arrête rien tant qu’il n’y a pas de place."],
    ["VM 100 is locked (backup)", "VM 100 is locked (backup)"],
    ["it answers, port ssh refuses", "it answers, port ssh refuses"],
  ])("%s", (english, said) => expect(spaced(french(english))).toBe(said));

  it("mark each name of a list, and count the others", () => {
    const english = "needed by a, b c (kept on by you), d (locked: backup) and 97 others";
    expect(told(english, "en", mark)).toBe("needed by <a>, <b c> (kept on by you), <d> (locked: backup) and 97 others");
    expect(spaced(told(english, "fr", mark))).toBe("requis par <a>, <b c> (gardé allumé), <d> (verrouillé : backup) et 97 autres");
  });

  it("are the same in English, but for the marks", () => {
    for (const { en } of catalogue.sentences) {
      const said = en.replace(/\{(n|port|seconds)\}/g, "7").replace(/\{\w+\}/g, "x");
      expect(told(said, "en")).toBe(said);
    }
  });
});

it("no space of the catalogue breaks a line before French punctuation", () => {
  expect(catalogue.sentences.filter(({ fr }) => / [:;?!»]|« |'/.test(fr))).toEqual([]);
});
