// What the engine says in English in steps and in the journal, in French. What is not here stays as it was said: it is mostly
// the platform's own words.
type Say = (...found: string[]) => string;

const action = (word: string) => (word === "start" ? "démarrage" : "arrêt");
const verb = (word: string) => (word === "start" ? "démarrer" : "arrêter");
const states: Record<string, string> = { on: "allumé", off: "éteint", starting: "en train de démarrer", stopping: "en train de s’arrêter" };
const ends: Record<string, string> = { completed: "achevé", failed: "en échec", cancelled: "annulé", interrupted: "interrompu", "was interrupted": "interrompu" };
const edits: Record<string, string> = { added: "ajouté", changed: "modifié", removed: "retiré", imported: "importé" };

export const engine: [RegExp, Say][] = [
  [/^(\d+) magic packets? sent, (.+)$/, (count, rest) => `${count} ${Number(count) < 2 ? "paquet magique envoyé" : "paquets magiques envoyés"}, ${french(rest ?? "")}`],
  [/^no magic packet could be sent: (.+), (.+)$/, (why, rest) => `aucun paquet magique n’a pu partir : ${why}, ${french(rest ?? "")}`],
  [/^no answer yet$/, () => "pas encore de réponse"],
  [/^it answers, port (\d+) does not yet$/, (port) => `il répond, pas encore le port ${port}`],
  [/^it answers, port (\d+) refuses$/, (port) => `il répond, le port ${port} refuse`],
  [/^port (\d+) refuses, but it is there$/, (port) => `le port ${port} refuse, mais il est là`],
  [/^it runs, its health check is starting$/, () => "il tourne, son contrôle de santé commence"],
  [/^it runs and is unhealthy$/, () => "il tourne, en mauvaise santé"],
  [/^it still runs$/, () => "il tourne encore"],
  [/^it still answers$/, () => "il répond encore"],
  [/^it is silent; looking a second time$/, () => "silence ; second regard"],
  [/^its host does not list it$/, () => "son hôte ne le connaît pas"],
  [/^it is (on|off|starting|stopping)$/, (state) => `il est ${states[state ?? ""]}`],
  [/^begin to (start|stop) (.+)$/, (what, name) => `début : ${verb(what ?? "")} ${name}`],
  [/^in this order: (.+)$/, (names) => `dans cet ordre : ${names}`],
  [/^(.+) is left as it is$/, (name) => `${name} reste tel quel`],
  [/^(.+): (start|stop) done$/, (name, what) => `${name} : ${action(what ?? "")} fait`],
  [/^(.+): (start|stop) failed$/, (name, what) => `${name} : ${action(what ?? "")} en échec`],
  [/^the (start|stop) of (.+?) (completed|failed|cancelled|interrupted|was interrupted)$/, (what, name, end) => `${action(what ?? "")} de ${name} : ${ends[end ?? ""]}`],
  [/^refused to (start|stop) (.+)$/, (what, name) => `refus ${what === "start" ? "de démarrer" : "d’arrêter"} ${name}`],
  [/^nothing to do to (start|stop) (.+)$/, (what, name) => `rien à faire pour ${verb(what ?? "")} ${name}`],
  [/^asked whether to shut (.+) down$/, (name) => `demandé s’il faut éteindre ${name}`],
  [/^(.+) is no longer asked about$/, (name) => `plus de question sur ${name}`],
  [/^(.+) is to be shut down$/, (name) => `${name} va être éteint`],
  [/^(.+) was (added|changed|removed|imported)$/, (name, what) => `${name} a été ${edits[what ?? ""]}`],
  [/^(.+?) (stays on: .+)$/, (name, rest) => `${name} ${french(rest ?? "")}`],
  [/^(.+) stays on$/, (name) => `${name} reste allumé`],
  [/^(.+) is (on|off)$/, (name, state) => `${name} est ${states[state ?? ""]}`],
  [/^(.+) stays as it is: nobody knows whether it is on$/, (name) => `${name} reste tel quel : personne ne sait s’il est allumé`],
  [/^(.+) is always on and is never stopped automatically$/, (name) => `${name} est toujours allumé et n’est jamais arrêté automatiquement`],
  [/^(.+) is kept on by you$/, (name) => `vous gardez ${name} allumé`],
  [/^(.+) is locked by its platform \((.+)\)$/, (name, lock) => `${name} est verrouillé par sa plateforme (${lock})`],
  [/^(.+) is being started or stopped$/, (name) => `${name} démarre ou s’arrête`],
  [/^(.+) is needed by (.+)$/, (name, by) => `${name} est requis par ${by}`],
  [/^seen, not asked for$/, () => "vu, pas demandé"],
  [/^(\S+) is kept on for (.+)$/, (name, time) => `${name} est gardé allumé pendant ${time}`],
  [/^(\S+) is no longer kept on$/, (name) => `${name} n’est plus gardé allumé`],
  [/^its time is over$/, () => "le temps est écoulé"],
  [/^you stop it$/, () => "vous l’arrêtez"],
  [/^no longer needed: the hold of (.+) ended$/, (name) => `n’est plus requis : ${name} n’est plus gardé allumé`],
  [/^the (start|stop) of (.+) no longer waits$/, (what, name) => `${action(what ?? "")} de ${name} : n’attend plus`],
  [/^you cancelled it$/, () => "vous l’avez annulé"],
  [/^you said so$/, () => "vous l’avez dit"],
  [/^you keep it on$/, () => "vous le gardez allumé"],
  [/^from a homelab\.toml$/, () => "depuis un homelab.toml"],
  [/^WakeHub ended in the middle of it; it can be resumed$/, () => "WakeHub s’est arrêté au milieu ; on peut reprendre"],
  [/^stays on: needed by (.+)$/, (names) => `reste allumé : requis par ${names}`],
  [/^stays on: hosts (.+)$/, (names) => `reste allumé : héberge ${names}`],
  [/^stays on: it is always on$/, () => "reste allumé : toujours allumé"],
  [/^stays on: you keep it on$/, () => "reste allumé : vous le gardez"],
  // what a connection test says
  [/^(.+) accepts connections$/, (where) => `${where} accepte les connexions`],
  [/^(\S+) (SHA256:\S+), accepted before$/, (algorithm, print) => `${algorithm} ${print}, déjà acceptée`],
  [/^(\S+) (SHA256:\S+), in known_hosts$/, (algorithm, print) => `${algorithm} ${print}, dans known_hosts`],
  [/^with (?:the )?password$/, () => "avec le mot de passe"],
  [/^with (?:the )?agent$/, () => "avec l’agent"],
  [/^with (?:the )?key (.+)$/, (file) => `avec la clé ${file}`],
  [/^not tried$/, () => "pas essayé"],
  [/^not tried, because something before it failed$/, () => "pas essayé : ce qui précède a échoué"],
  [/^sudo without a password: (.+)$/, (commands) => `sudo sans mot de passe : ${commands}`],
  [/^sudo allows no shutdown command without a password$/, () => "sudo ne permet aucune commande d’arrêt sans mot de passe"],
  [/^log in as root, or add to sudoers: (.+)$/, (line) => `connectez-vous en root, ou ajoutez à sudoers : ${line}`],
  [/^`id -u` gives no number, so this is no Unix$/, () => "`id -u` ne donne pas de nombre : ce n’est pas un Unix"],
  [/^set a shutdown command, on Windows `(.+)`$/, (command) => `indiquez une commande d’arrêt, sous Windows `.concat("`", command ?? "", "`")],
  [/^the certificate is the accepted one, or this system trusts it$/, () => "le certificat est celui qui a été accepté, ou ce système lui fait confiance"],
  [/^this system trusts the certificate$/, () => "ce système fait confiance au certificat"],
  [/^the host key is accepted$/, () => "la clé d’hôte est acceptée"],
  [/^logged in as (.+)$/, (who) => `connecté en tant que ${who}`],
  [/^Proxmox VE (\S+), member (.+)$/, (version, member) => `Proxmox VE ${version}, membre ${member}`],
  [/^found: (.+); missing: (.+)$/, (found, missing) => `trouvés : ${found === "none" ? "aucun" : found} ; manquants : ${missing}`],
  [/^found: (.+)$/, (found) => `trouvés : ${found}`],
  [/^(.+) by SSH$/, (where) => `${where} par SSH`],
  [/^TLS with client certificates$/, () => "TLS avec certificats client"],
  [/^local socket$/, () => "socket local"],
  [/^unprotected: anybody on this network can command this engine$/, () => "sans protection : tout le monde sur ce réseau peut commander ce moteur"],
  [/^Use SSH, or port 2376 with client certificates\.$/, () => "Utilisez SSH, ou le port 2376 avec des certificats client."],
  [/^Sys\.PowerMgmt is needed only to shut the machine itself down through this API\.$/, () => "Sys.PowerMgmt ne sert qu’à éteindre la machine elle-même par cette API."],
  [/^Only these guests will be seen and started\.$/, () => "Seuls ces invités seront vus et démarrés."],
  [/^Is the machine on, is the address right, and does its firewall let this computer reach port 8006\?$/, () => "La machine est-elle allumée, l’adresse est-elle juste, et son pare-feu laisse-t-il cet ordinateur atteindre le port 8006 ?"],
  [/^Is the machine on, and does dockerd listen on this port \(-H tcp:\/\/…\)\?$/, () => "La machine est-elle allumée, et dockerd écoute-t-il sur ce port (-H tcp://…) ?"],
  [/^Is this the address of a Proxmox API\? It answers on port 8006\.$/, () => "Est-ce l’adresse d’une API Proxmox ? Elle répond sur le port 8006."],
  [/^Give this machine the name that it has within Proxmox\.$/, () => "Donnez à cette machine le nom qu’elle a dans Proxmox."],
];

export function french(fragment: string): string {
  for (const [pattern, say] of engine) {
    const found = pattern.exec(fragment);
    if (found) return say(...found.slice(1));
  }
  return fragment;
}
