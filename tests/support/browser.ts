import { accessSync, constants, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { ROOT } from "../../scripts/local/settings.ts";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** A Chromium of this machine: CHROMIUM_PATH, or the first of the usual names on the PATH. */
function findChromium(): string {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = process.env.CHROMIUM_PATH
    ? [process.env.CHROMIUM_PATH]
    : names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (found !== undefined) return found;
  throw new Error(
    "These tests drive Chromium and found none: install it (Debian: apt-get install chromium) or set CHROMIUM_PATH.",
  );
}

/** Headless; its sandbox is off for root, who cannot have one. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), chromiumSandbox: process.getuid?.() !== 0 });
}

/** Takes a picture to look at into `.local/screenshots`, which git ignores. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = join(ROOT, ".local", "screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
