export type Log = (level: "info" | "error", message: string, fields?: Record<string, unknown>) => void;
