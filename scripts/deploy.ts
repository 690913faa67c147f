// Deploys to a hosted Supabase project by commands of the Supabase CLI, or only prints the commands.
import { type DeployOptions, planDeploy, problemsOf, type Step } from "./deploy/plan.ts";
import { hostedEnvFile, readEnvFile } from "./doctor/env-file.ts";
import { readCommandLine, runMain } from "./local/command-line.ts";
import { Problem } from "./local/problem.ts";
import { runCommand } from "./local/run-command.ts";
import { inScratch } from "./local/scratch.ts";

const helpText = `Deploys this checkout to a hosted Supabase project. You can repeat it: each step sets a state.

  npm run deploy -- --project-ref <ref> --dry-run   prints the commands and the missing settings
  npm run deploy -- --project-ref <ref>             runs the commands, and stops at the first failure
  --settings FILE   the file with the secrets of the functions (default ${hostedEnvFile})
  --domain URL      an address of your own, such as https://api.example.com
  --site URL        the URL of the app, for links of Supabase Auth (default: the URL of the API)

The Supabase CLI has to be logged in: npx supabase login, or SUPABASE_ACCESS_TOKEN.`;

function readOptions(): DeployOptions & { dry_run: boolean } {
  const { values } = readCommandLine("npm run deploy", helpText, {
    "project-ref": { type: "string", default: "" },
    settings: { type: "string", default: hostedEnvFile },
    domain: { type: "string" },
    site: { type: "string" },
    "dry-run": { type: "boolean", default: false },
  });
  const { settings, domain, site } = values;
  for (const [name, value] of Object.entries({ domain, site }))
    if (value !== undefined && !/^https:\/\/[\w.-]+(:\d+)?\/?$/.test(value))
      throw new Problem(`--${name} ${value} is not an address such as https://api.example.com.`);
  return {
    project_ref: values["project-ref"],
    settings,
    env: readEnvFile(settings),
    domain,
    site,
    dry_run: values["dry-run"],
  };
}

const shown = ({ command, file }: Step) =>
  [...(command[0] === "supabase" ? ["npx"] : []), ...command, ...(file ? [`<${file.shown}>`] : [])].join(" ");

async function run({ command: [name = "", ...args], file }: Step): Promise<{ code: number }> {
  if (file === undefined) return runCommand(name, args, true);
  return inScratch((folder) => runCommand(name, [...args, file.write(folder)], true));
}

async function main(): Promise<void> {
  const { dry_run, ...options } = readOptions();
  const problems = problemsOf(options);
  const named = { ...options, project_ref: options.project_ref || "<ref>" };
  if (dry_run) for (const step of planDeploy(named)) console.log(`# ${step.why}\n${shown(step)}\n`);
  if (problems.length > 0)
    throw new Problem(`Not ready to deploy:\n${problems.map((problem) => `  • ${problem}`).join("\n")}`);
  if (dry_run) return;
  for (const step of planDeploy(options)) {
    console.log(`\n# ${step.why}\n${shown(step)}`);
    const { code } = await run(step);
    if (code !== 0)
      throw new Problem(
        `That failed (exit code ${code}). Correct the cause and run the same command again: every step can be repeated.`,
      );
  }
}

await runMain(main, "The deployment failed");
