import { expect, test } from "vitest";
import { appName, looksLikePlatform, platformName } from "./app-name.ts";

test.each([
  platformName,
  "cloud api",
  "CLOUD-API Security",
  "CloudAPI",
  "The Cloud API team",
  "C l o u d  A P I",
  "Сloud АPI",
  "C1oud Ap1",
  "ＣｌｏｕｄＡＰＩ",
  "Clóud Äpi",
  "Cl\u200boud API",
  "𝐂𝐥𝐨𝐮𝐝 𝐀𝐏𝐈",
  "CIoud AP|",
])("the name %s looks like the platform's", (name) => {
  expect(looksLikePlatform(name)).toBe(true);
});

test.each(["Postcards", "Cloud Atlas", "Cloudy Apps", "API of Clouds", "Облако", "クラウド", "C"])(
  "the name %s does not look like the platform's",
  (name) => {
    expect(looksLikePlatform(name)).toBe(false);
  },
);

const project = (name: string, senderName: string | null = null) => ({
  id: "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
  name,
  mail: { sender_name: senderName },
});

test.each([
  ["the project's name", project("Postcards"), "Postcards"],
  ["its sender name", project("postcards-production", "Postcards"), "Postcards"],
  ["a neutral name when its name looks like the platform's", project("Cloud API support"), "App 4f1d2c3b"],
  ["its sender name when its own name looks like the platform's", project("Cloud API demo", "Demo"), "Demo"],
])("mail calls an app by %s", (_, named, name) => {
  expect(appName(named)).toBe(name);
});
