import { expect, test } from "vitest";
import { mailChangesSchema } from "./schemas.ts";

test.each([
  [{ sender_name: "  Grußkarten & Co. " }, { sender_name: "Grußkarten & Co." }],
  [{ sender_name: "" }, { sender_name: null }],
  [{ logo_url: " https://a.example/lögo 1.png" }, { logo_url: "https://a.example/l%C3%B6go%201.png" }],
  [{ logo_url: null }, { logo_url: null }],
  [{ accent_color: "#2563EB" }, { accent_color: "#2563eb" }],
  [{ language: "ja" }, { language: "ja" }],
  [{ language: null }, { language: "en" }],
  [{ footer: "Postcards Ltd\r\n1\tPier Road\n" }, { footer: "Postcards Ltd\n1 Pier Road" }],
  [{ footer: "https://www.a.example/imprint" }, { footer: "https://www.a.example/imprint" }],
  [{ footer: "شركة البطاقات" }, { footer: "شركة البطاقات" }],
  [{}, {}],
])("the mail settings %j are stored as %j", (sent, kept) => {
  expect(mailChangesSchema.parse(sent)).toEqual(kept);
});

test.each<[object, string]>([
  [{ sender_name: "Bank\r\nBcc: all@example.com" }, "a line break"],
  [{ sender_name: "Bank\u202egnp.exe" }, "a character that reverses the text direction"],
  [{ sender_name: "Cloud API" }, "the platform's name"],
  [{ sender_name: "x".repeat(101) }, "101 characters"],
  [{ sender_name: "\u200d" }, "only invisible characters"],
  [{ logo_url: "http://a.example/logo.png" }, "http"],
  [{ logo_url: "javascript:alert(1)" }, "a script"],
  [{ logo_url: "data:image/png;base64,AAAA" }, "data"],
  [{ logo_url: "https://user:secret@a.example/logo.png" }, "a password"],
  [{ logo_url: "//a.example/logo.png" }, "no scheme"],
  [{ logo_url: `https://a.example/${"x".repeat(2048)}` }, "a long address"],
  [{ accent_color: "red" }, "a color name"],
  [{ accent_color: "#fff" }, "three digits"],
  [{ accent_color: "#ffffff;background:url(https://a.example)" }, "more than a color"],
  [{ language: "nl" }, "an unknown language"],
  [{ footer: "http://a.example" }, "http in the footer"],
  [{ footer: "www.a.example" }, "a host that mail programs link by http"],
  [{ footer: "javascript://a.example/%0aalert(1)" }, "a script in the footer"],
  [{ footer: "Pay \u2066here" }, "a character that changes the text direction in the footer"],
  [{ footer: "x".repeat(501) }, "501 characters in the footer"],
  [{ accent_colour: "#ffffff" }, "an unknown field"],
])("the mail settings %j are refused: %s", (sent) => {
  expect(mailChangesSchema.safeParse(sent).success).toBe(false);
});
