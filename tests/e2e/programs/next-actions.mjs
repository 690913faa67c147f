// Calls the server actions of examples/nextjs as a user would. The test provides stand-ins for Next.js.
import { enter, leave, makePicture } from "./nextjs/app/actions.ts";
import { clientOfRequest } from "./nextjs/lib/client.ts";

function form(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  return data;
}
const say = (error) => console.log(error.message);
const person = { email: `next-${Date.now()}@example.com`, how: "register" };

const { problem } = await enter({}, form({ ...person, password: "correct-horse-9" }));
console.log("problem:", problem);
await enter({}, form({ ...person, password: "Correct-horse-9" })).catch(say);
await makePicture({}, form({ prompt: "A lighthouse", photo: new File([], "") }));
const client = await clientOfRequest();
const [picture] = await client.generations.list().all();
console.log((await client.generations.wait(picture.id)).status);
await leave().catch(say);
console.log("signed out:", (await (await clientOfRequest()).auth.session()) === null);
