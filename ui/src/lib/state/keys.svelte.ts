// Shortcuts of one key. Who dictates or slips often can switch them off (WCAG 2.1.4); keys of the element with the focus stay.
const key = "wakehub.single-keys";

function stored(): boolean {
  try {
    return localStorage.getItem(key) !== "off";
  } catch {
    return true;
  }
}

class Keys {
  areOn = $state(stored());
  isOverviewOpen = $state(false);

  choose(areOn: boolean): void {
    this.areOn = areOn;
    try {
      if (areOn) localStorage.removeItem(key);
      else localStorage.setItem(key, "off");
    } catch {
      // Without storage the choice holds until the window closes.
    }
  }
}

export const keys = new Keys();

/** Whether a key means a letter here rather than a shortcut. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type));
}
