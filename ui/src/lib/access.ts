// Who can reach WakeHub's local API: how far an address reaches, and what was typed.
import type { ApiAccess, PlainHttp } from "./backend/bindings";

export const homePort = 9253;

/** From where the API can be reached. */
export type Place = "here" | "network" | "address";

export interface Listen {
  ip: string;
  port: number;
}

const order: PlainHttp[] = ["this_computer", "private_networks", "anywhere"];

/** Whether it would be reached from farther away than was accepted for plain HTTP. */
export function needsYes(access: ApiAccess): boolean {
  return access.tcp && order.indexOf(reach(listenOf(access.listen).ip)) > order.indexOf(access.plain_http);
}

/** `127.0.0.1:9253`, `[::1]:9253`. */
export function listenOf(text: string): Listen {
  const [, v6, v4, port] = /^(?:\[(.*)\]|(.*?)):(\d+)$/.exec(text) ?? [];
  return { ip: v6 ?? v4 ?? "127.0.0.1", port: Number(port ?? homePort) };
}

export function textOf({ ip, port }: Listen): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

export function placeOf(ip: string): Place {
  return ip === "127.0.0.1" ? "here" : ip === "0.0.0.0" ? "network" : "address";
}

const v4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** An IP address without a port; the engine has the last word. */
export function isIp(text: string): boolean {
  return v4.test(text) || (/^[\da-f:.]+$/i.test(text) && text.split(":").length > 2);
}

/** As the engine judges it: how far the address can be reached. */
export function reach(given: string): PlainHttp {
  const ip = given.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "");
  if (v4.test(ip)) {
    const [a = 0, b = 0] = ip.split(".").map(Number);
    if (a === 127) return "this_computer";
    const isPrivate = a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 169 && b === 254) || (a === 100 && b >= 64 && b < 128) || ip === "0.0.0.0";
    return isPrivate ? "private_networks" : "anywhere";
  }
  if (ip === "::1") return "this_computer";
  return ip === "::" || /^f[cd]|^fe[89ab]/.test(ip) ? "private_networks" : "anywhere";
}

/** Host names as they were typed, with commas or spaces. */
export function hostsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

export function isHost(text: string): boolean {
  return /^[a-z\d._-]{1,253}$/i.test(text);
}
