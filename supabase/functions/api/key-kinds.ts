/** The kinds of keys with their header, their prefix, the field of their hash, and the error code for a wrong one. */
export const keyKinds = [
  {
    kind: "operator_key",
    header: "x-operator-key",
    prefix: "ok",
    field: "operator_key_hash",
    refusal: "operator_key_invalid",
  },
  {
    kind: "developer_key",
    header: "x-developer-key",
    prefix: "ak",
    field: "developer_key_hash",
    refusal: "developer_key_invalid",
  },
  {
    kind: "api_key",
    header: "x-api-key",
    prefix: "ak",
    field: "api_key_hash",
    refusal: "api_key_invalid",
  },
] as const;

export type KeyKind = (typeof keyKinds)[number]["kind"];
export type KeyField = (typeof keyKinds)[number]["field"];
