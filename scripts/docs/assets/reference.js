// Everything that would call a service of Scalar's is off; the page talks to its own host alone.
const dark = matchMedia("(prefers-color-scheme: dark)");
const local = /^(127\.0\.0\.1|localhost|\[::1\])$/.test(location.hostname);
const configuration = () => ({
  url: "openapi.json",
  // A stack on this machine may have any port: requests go to the one that serves the page.
  ...(local ? { servers: [{ url: location.origin, description: "This stack" }] } : {}),
  theme: "none",
  layout: "modern",
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
  persistAuth: false,
});
const reference = Scalar.createApiReference("#reference", configuration());
dark.addEventListener("change", () => reference.updateConfiguration(configuration()));
