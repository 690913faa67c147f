import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";

// Makes X.509 certificates, since Node can only read them, and a key in the repository would be a secret in it.

function der(tag: number, ...parts: (Buffer | number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const size =
    body.length < 128
      ? [body.length]
      : body.length < 256
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

const sequence = (...parts: Buffer[]) => der(0x30, ...parts);
const octets = (part: Buffer) => der(0x04, part);
/** Encoded object identifiers. */
const id = {
  ecdsaWithSha256: der(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]),
  commonName: der(0x06, [0x55, 0x04, 0x03]),
  basicConstraints: der(0x06, [0x55, 0x1d, 0x13]),
  subjectAltName: der(0x06, [0x55, 0x1d, 0x11]),
};
const nameOf = (text: string) => sequence(der(0x31, sequence(id.commonName, der(0x0c, Buffer.from(text)))));
const time = (date: Date) => der(0x17, Buffer.from(`${date.toISOString().replace(/\D/g, "").slice(2, 14)}Z`));
const pem = (label: string, body: Buffer) =>
  `-----BEGIN ${label}-----\n${body.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;

type Issuer = { name: string; key: string };

function certificate(subject: string, publicKey: Buffer, issuer: Issuer, extension: Buffer): string {
  const day = 86_400_000;
  const algorithm = sequence(id.ecdsaWithSha256);
  const content = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, [1], randomBytes(8)),
    algorithm,
    nameOf(issuer.name),
    sequence(time(new Date(Date.now() - day)), time(new Date(Date.now() + day))),
    nameOf(subject),
    publicKey,
    der(0xa3, sequence(extension)),
  );
  const signature = sign("sha256", content, createPrivateKey(issuer.key));
  return pem("CERTIFICATE", sequence(content, algorithm, der(0x03, [0], signature)));
}

function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    public: publicKey.export({ type: "spki", format: "der" }),
    private: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

/** A new certificate authority and its certificate for 127.0.0.1, both valid for a day. */
export function makeCertificates(): { ca: string; cert: string; key: string } {
  const [authority, server] = [keyPair(), keyPair()];
  const issuer = { name: "Tests", key: authority.private };
  const isAuthority = sequence(id.basicConstraints, der(0x01, [255]), octets(sequence(der(0x01, [255]))));
  const isLoopback = sequence(id.subjectAltName, octets(sequence(der(0x87, [127, 0, 0, 1]))));
  return {
    ca: certificate(issuer.name, authority.public, issuer, isAuthority),
    cert: certificate("server", server.public, issuer, isLoopback),
    key: server.private,
  };
}
