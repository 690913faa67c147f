// On hosted Supabase the first path segment names the function. This function answers /generation/… with the same app.
export { default } from "../api/index.ts";
