import { asPerson } from "../../lib/client.ts";
import { leave, makePicture } from "../actions.ts";
import { Form } from "../form.tsx";
import { Waiting } from "./waiting.tsx";

export default async function Page() {
  const [me, { items: pictures }] = await asPerson((client) =>
    Promise.all([client.auth.me(), client.generations.list({ page_size: 24 }).page()]),
  );
  // One stream for the page, since a browser opens at most six connections to a server. At its end the whole page is
  // rendered again.
  const live = pictures.find(({ completed_at }) => completed_at === null);
  return (
    <main>
      <header>
        <h1>Pictures</h1>
        <span>{me.email}</span>
        <form action={leave}>
          <button type="submit" className="plain">
            Sign out
          </button>
        </form>
      </header>
      <Form action={makePicture}>
        <label>
          What shall it show?
          <textarea name="prompt" rows={2} maxLength={1000} required defaultValue="A lighthouse in a storm" />
        </label>
        <label>
          Start from a photo, if you like
          <input name="photo" type="file" accept="image/png,image/jpeg,image/webp" />
        </label>
        <button type="submit">Make a picture</button>
      </Form>
      <ul>
        {pictures.map(({ id, status, instructions, generated_image_url, error }) => (
          <li key={id}>
            <figure>
              <div>
                {generated_image_url ? (
                  <img src={generated_image_url} alt={instructions} />
                ) : id === live?.id ? (
                  <Waiting id={id} status={status} />
                ) : (
                  (error ?? `${status} …`)
                )}
              </div>
              <figcaption>{instructions}</figcaption>
            </figure>
          </li>
        ))}
      </ul>
    </main>
  );
}
