import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { repositoryRoot } from "../../scripts/local/settings.ts";

const executables = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  chromium.executablePath(),
];

/** Starts the Chromium of this machine. */
export function launchChromium(): Promise<Browser> {
  const executablePath = executables.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) {
    throw new Error(
      "This suite needs Chromium: install it (`apt-get install chromium`, or `npx playwright-core install chromium`), or set CHROMIUM_PATH.",
    );
  }
  // As root in a container Chromium starts only without its sandbox. It opens only the tests' own pages.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** Stores a screenshot in `.local/screenshots`, which git ignores. */
export async function saveScreenshot(page: Page, name: string): Promise<void> {
  const folder = join(repositoryRoot, ".local", "screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
