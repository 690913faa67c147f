// Builds the SDK and checks its packaging, its types, its size and tree shaking.
import { cpSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { checkClient, packageFolder } from "./build-client/client-package.ts";
import { runMain } from "./local/command-line.ts";
import { inScratch } from "./local/scratch.ts";
import { repositoryRoot } from "./local/settings.ts";

await runMain(
  () =>
    inScratch(async (folder) => {
      const { line, tarball } = await checkClient(folder);
      console.log(line);
      rmSync(join(packageFolder, "dist"), { recursive: true, force: true });
      cpSync(join(folder, "dist"), join(packageFolder, "dist"), { recursive: true });
      const packed = join(repositoryRoot, "dist", basename(tarball));
      cpSync(tarball, packed);
      console.log(`wrote packages/client/dist\n\nIn your own project:  npm install ${packed}`);
    }),
  "The SDK could not be built",
);
