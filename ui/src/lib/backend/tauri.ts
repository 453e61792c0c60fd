// The only file that knows Tauri.
import { Channel, invoke } from "@tauri-apps/api/core";
import type { Backend } from "./backend";
import type { CheckView, FoundAddress, Snapshot } from "./bindings";

export const tauri: Backend = {
  right: "owner",
  snapshot: () => invoke("snapshot"),
  async subscribe(onSnapshot) {
    let listening = true;
    const channel = new Channel<Snapshot>((snapshot) => {
      if (listening) onSnapshot(snapshot);
    });
    await invoke("subscribe", { channel });
    return () => {
      listening = false;
    };
  },
  plan: (ask) => invoke("plan", { ask }),
  run: (ask) => invoke("run", { ask }),
  cancel: (cascade) => invoke("cancel", { cascade }),
  cancelQueued: (id) => invoke("cancel_queued", { id }),
  resume: (cascade) => invoke("resume", { cascade }),
  dismiss: (cascade) => invoke("dismiss", { cascade }),
  answer: (question, answer) => invoke("answer", { question, answer }),
  setPinned: (node, pinned) => invoke("set_pinned", { node, pinned }),
  hold: (node, until) => invoke("hold", { node, until }),
  readSchedule: (ask) => invoke("read_schedule", { ask }),
  why: (node) => invoke("why", { node }),
  savings: (ask) => invoke("savings", { ask }),
  judge: (node, rule) => invoke("judge", { node, rule }),
  pauseStops: (until) => invoke("pause_stops", { until }),
  nodeEntry: (node) => invoke("node_entry", { node }),
  saveNode: (node, entry, secrets) => invoke("save_node", { node, entry, secrets }),
  saveNodes: (entries) => invoke("save_nodes", { entries }),
  removeNode: (node) => invoke("remove_node", { node }),
  secretsPresent: (node) => invoke("secrets_present", { node }),
  testConnection(node, entry, secrets, onCheck) {
    const channel = new Channel<CheckView>(onCheck);
    return invoke("test_connection", { node, entry, secrets, channel });
  },
  accept: (presented) => invoke("accept", { presented }),
  discover: (node) => invoke("discover", { node }),
  scan(sweep, onFound) {
    const channel = new Channel<FoundAddress>(onFound);
    return invoke("scan", { sweep, channel });
  },
  startDemo: () => invoke("start_demo"),
  leaveDemo: () => invoke("leave_demo"),
  importHomelab: (text) => invoke("import_homelab", { text }),
  exportHomelab: () => invoke("export_homelab"),
  journal: (query) => invoke("journal", { query }),
  exportJournal: (query, format) => invoke("export_journal", { query, format }),
  openUrl: (node) => invoke("open_url", { node }),
  settings: () => invoke("settings"),
  setSetting: (key, value) => invoke("set_setting", { key, value }),
  platform: () => invoke("platform"),
  access: () => invoke("api_access"),
  setAccess: (access) => invoke("set_api_access", { access }),
  addToken: (token) => invoke("add_api_token", { token }),
  removeToken: (id) => invoke("remove_api_token", { token: id }),
};
