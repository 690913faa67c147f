import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join, normalize } from "node:path";
import { fingerprintOfSources } from "../docs/sources.ts";
import { repositoryRoot } from "./settings.ts";
import { firstFile, sendFile } from "./static-file.ts";

/** Scalar needs inline styles, and shows pictures of answers. No other host is allowed. */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A page needs several files, and each check for changes reads all sources. */
const lookEveryMs = 1_000;

/** The site of `npm run docs:build` at `/docs`: made when it is first asked for, and again when its sources have changed. */
export class DocsSite {
  readonly #home = join(repositoryRoot, ".local", "docs");
  #building: Promise<string> | undefined;
  #wanted = "";
  #looked_at = 0;

  /** `path` is what follows `/docs`, without a query. */
  async answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean> {
    if (path === "") {
      response.writeHead(308, { location: "/docs/" }).end();
      return true;
    }
    const folder = await this.#current();
    const wanted = join(folder, normalize(decode(path)));
    const file = await firstFile(
      path.endsWith("/") ? [join(wanted, "index.html")] : [wanted, `${wanted}.html`],
    );
    if (file === undefined || !file.path.startsWith(folder)) return false;
    sendFile(request, response, file, {
      "content-security-policy": contentPolicy,
      "referrer-policy": "no-referrer",
    });
    return true;
  }

  #current(): Promise<string> {
    if (Date.now() > this.#looked_at + lookEveryMs) {
      this.#wanted = join(this.#home, fingerprintOfSources());
      this.#looked_at = Date.now();
    }
    const folder = this.#wanted;
    if (existsSync(folder)) return Promise.resolve(folder);
    this.#building ??= this.#build(folder).finally(() => {
      this.#building = undefined;
    });
    return this.#building;
  }

  /** In its own process, because the script for browsers has several megabytes. */
  async #build(folder: string): Promise<string> {
    await mkdir(this.#home, { recursive: true });
    const old = readdirSync(this.#home);
    const fresh = mkdtempSync(join(this.#home, "new-"));
    try {
      await run([join(repositoryRoot, "scripts", "docs.ts"), "--out", join(fresh, "site")]);
      renameSync(join(fresh, "site"), folder);
    } catch (error) {
      // Another stack of this checkout has built the same site.
      if (!existsSync(folder)) throw error;
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
    for (const name of old.filter((name) => !name.startsWith("new-"))) {
      if (join(this.#home, name) !== folder) rmSync(join(this.#home, name), { recursive: true, force: true });
    }
    return folder;
  }
}

function run(args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: repositoryRoot, stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`docs:build: ${errors.trim()}`)),
    );
  });
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
