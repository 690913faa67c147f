import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../local/cli.ts";
import { inScratch } from "../local/scratch.ts";
import { withStockDatabase } from "./stock-database.ts";

/** The SQL that changes the schema of the first texts into that of the second texts. Empty if they agree. */
export async function schemaDifference(server: string, before: string[], after: string[]): Promise<string> {
  return inScratch((folder) =>
    withStockDatabase(server, (old, from) =>
      withStockDatabase(server, async (wanted, to) => {
        const output = join(folder, "difference.sql");
        for (const text of before) await old.unsafe(text);
        for (const text of after) await wanted.unsafe(text);
        const ends = [`--from=${from}?sslmode=disable`, `--to=${to}?sslmode=disable`];
        await runCli(["db", "diff", "--use-pg-delta", ...ends, `--output=${output}`]);
        return readFileSync(output, "utf8");
      }),
    ),
  );
}
