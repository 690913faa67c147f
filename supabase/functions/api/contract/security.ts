type Requirement = Record<string, string[]>;

/** The credentials of a route. Each list is one choice, and a choice needs all its entries. */
export const security = {
  none: [{}] as Requirement[],
  user: [{ accessToken: [] }] as Requirement[],
  register: [{ developerKey: [], projectId: [] }, { operatorKey: [] }] as Requirement[],
  login: [{ projectId: [] }, {}] as Requirement[],
  manage: [{ accessToken: [] }, { developerKey: [] }, { operatorKey: [] }] as Requirement[],
  generate: [
    { accessToken: [], developerKey: [], projectId: [], apiKey: [] },
    { accessToken: [], projectId: [] },
  ] as Requirement[],
  image: [{}, { accessToken: [], developerKey: [], projectId: [], apiKey: [] }] as Requirement[],
  operate: [{ operatorKey: [] }, { accessToken: [] }] as Requirement[],
};

export const securitySchemes = {
  accessToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "The access token from login, register or refresh.",
  },
  operatorKey: {
    type: "apiKey",
    in: "header",
    name: "X-Operator-Key",
    description: "Identifies an operator of the platform. Never send it from a browser.",
  },
  developerKey: {
    type: "apiKey",
    in: "header",
    name: "X-Developer-Key",
    description: "Identifies a developer.",
  },
  projectId: { type: "apiKey", in: "header", name: "X-Project-ID", description: "The UUID of the project." },
  apiKey: { type: "apiKey", in: "header", name: "X-API-Key", description: "The API key of the project." },
} as const;
