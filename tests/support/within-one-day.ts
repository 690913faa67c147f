import { beforeEach } from "vitest";
import { waitForWindow } from "./limits.ts";

// A setup file. Quotas and usage count by UTC day and month, so no test may begin just before midnight.
beforeEach(() => waitForWindow({ requests_per_day: 1 }));
