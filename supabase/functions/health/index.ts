// Hosted, the first path segment names the function: this one answers /health with the same app.
export { default } from "../api/index.ts";
