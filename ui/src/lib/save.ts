/** Hands a file to the web view, which puts it where downloads go. */
export function saveFile(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // Not at once: the web view reads it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
