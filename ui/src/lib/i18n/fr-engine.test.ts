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
    ["every weekday at 18:00", "du lundi au vendredi à 18:00"],
    ["every Monday, Wednesday and Sunday at 08:00 and 12:30", "chaque lundi, mercredi et dimanche à 08:00 et 12:30"],
    ["on the 1st of each month at 03:30", "le 1er de chaque mois à 03:30"],
    ["on the 1st and 15th of May at 03:30", "les 1er et 15 mai à 03:30"],
    ["automatic stops are allowed on Friday and Saturday from 22:00 to 07:00 (time of Europe/Paris)", "les arrêts automatiques sont permis le vendredi et samedi de 22:00 à 07:00 (heure de Europe/Paris)"],
    ["every Tom and Jerry at 18:00", "every Tom and Jerry at 18:00"],
    ["1.20 cores of the processor in use, more than 0.50 cores; 8.1 KiB sent and received in a minute, more than 1.0 KiB", "1,20 cœurs du processeur utilisés, plus de 0,50 cœurs ; 8,1 Kio échangés en une minute, plus de 1,0 Kio"],
    ["its processor use is not known; its number of users is not known", "on ne connaît pas son usage du processeur ; on ne connaît pas ses sessions ouvertes"],
    ["nas is used again: 2 connections to it, more than 0 connections", "nas sert de nouveau : 2 connexions vers lui, plus de 0 connexions"],
    ["nothing was seen of it for 3 min", "rien vu de lui depuis 3 min"],
    ["recovery of md0, 12.6 % done; a backup runs", "reconstruction de md0, 12,6 % faits ; une sauvegarde est en cours"],
    ["Jellyfin plays 2 titles", "Jellyfin lit 2 titres"],
    ["the service says that its answer is a list of 3", "le service dit que sa réponse est une liste de 3"],
    ["the service answers 200 and says “a and b”", "le service répond 200 et dit « a and b »"],
    ["ask Syncthing: the answer has no list of folders: is this the address of Syncthing?", "question à Syncthing : la réponse n’a pas de liste de dossiers : est-ce bien l’adresse de Syncthing ?"],
    ["ask the service: no answer within 10 s", "question au service : pas de réponse en 10 s"],
    ["a task of Proxmox runs on guest 101: vzdump", "une tâche de Proxmox est en cours sur l’invité 101 : vzdump"],
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
      const said = en.replace(/\{(n|port|seconds)\}/g, "7").replace(/\{clocks?\}/g, "18:00").replace(/\{(days?|months)\}/g, "May").replace(/\{(amount|limit)\}/g, "1.20 cores").replace(/\{\w+\}/g, "x");
      expect(told(said, "en")).toBe(said);
    }
  });
});

it("no space of the catalogue breaks a line before French punctuation", () => {
  // a command is typed as it stands
  expect(catalogue.sentences.filter(({ fr }) => / [:;?!»]|« |'/.test(fr.replace(/`[^`]*`/g, "")))).toEqual([]);
});
