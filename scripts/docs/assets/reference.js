// All features that would call services of Scalar are off, so the page calls only its own host.
const dark = matchMedia("(prefers-color-scheme: dark)");
const isLocal = /^(127\.0\.0\.1|localhost|\[::1\])$/.test(location.hostname);

const named = "@photo.png";
let picture;

const content = await read("reference.json");
// Only `npm start` has a stack for requests, with its keys and a picture.
const demo = isLocal ? await read("demo.json") : undefined;
if (demo?.api_key) await prefill();
const keys = {
  developerKey: { value: demo?.developer_key ?? "" },
  projectId: { value: demo?.project_id ?? "" },
  apiKey: { value: demo?.api_key ?? "" },
};

async function read(path) {
  const answer = await fetch(path);
  return answer.ok ? answer.json() : undefined;
}

/** Fills in the first two requests, so that they succeed unchanged: an unused email address, and a picture. */
async function prefill() {
  const { post: register } = content.paths["/api/v1/auth/register"];
  register.requestBody.content["application/json"].example.email = `ada-${Date.now()}@example.com`;
  const { post: create } = content.paths["/api/v1/generation/generate-v2"];
  const form = create.requestBody.content["multipart/form-data"];
  form.example = { instructions: form.example.instructions, files: [named] };
  const bytes = await (await fetch("sample.png")).blob();
  picture = new File([bytes], "photo.png", { type: "image/png" });
}

/** A form cannot be prefilled with a file. It shows the file's name, as curl does, and this sends the file. */
function sendPicture({ requestBuilder: { body } }) {
  if (picture === undefined || body?.mode !== "formdata") return;
  for (const part of body.value)
    if (part.value === named) Object.assign(part, { type: "file", value: picture });
}

/** After a sign-in by this page, the next requests send its token. */
async function keepToken({ response }) {
  const { access_token } = await response
    .clone()
    .json()
    .catch(() => ({}));
  if (access_token) reference.updateConfiguration(configuration(access_token));
}

const configuration = (token = "") => ({
  content,
  // A stack on this machine may have any port, so requests go to the host of the page.
  ...(isLocal ? { servers: [{ url: location.origin, description: "This stack" }] } : {}),
  authentication: { securitySchemes: { ...keys, accessToken: { token } } },
  onBeforeRequest: sendPicture,
  onResponseReceived: keepToken,
  theme: "none",
  forceDarkModeState: dark.matches ? "dark" : "light",
  hideDarkModeToggle: true,
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: "never",
  hideClientButton: true,
  agent: { disabled: true },
  mcp: { disabled: true },
  documentDownloadType: "json",
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  hiddenClients: {
    c: true,
    clojure: true,
    dart: true,
    fsharp: true,
    kotlin: true,
    objc: true,
    ocaml: true,
    powershell: true,
    r: true,
  },
});
const reference = Scalar.createApiReference("#reference", configuration());
dark.addEventListener("change", () => reference.updateConfiguration(configuration()));
