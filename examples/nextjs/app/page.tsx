import { enter } from "./actions.ts";
import { Form } from "./form.tsx";

export default function Page() {
  return (
    <main>
      <h1>Pictures</h1>
      <Form action={enter}>
        <label>
          Email <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password{" "}
          <input name="password" type="password" autoComplete="current-password" minLength={8} required />
        </label>
        <div>
          <button name="how" value="login" type="submit">
            Sign in
          </button>
          <button name="how" value="register" type="submit" className="plain">
            Create an account
          </button>
        </div>
      </Form>
    </main>
  );
}
