// Hosted, the first path segment names the function: this one answers /generation/… with the same app.
export { default } from "../api/index.ts";
