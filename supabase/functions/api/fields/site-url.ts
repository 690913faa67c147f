import { predicates } from "../predicates.ts";
import { text } from "./text.ts";

/** Where the links of a mail lead. A user name in it would go into everybody's mail. */
export const siteUrl = text({
  max: 2048,
  clean: (raw) => raw.trim(),
  check: (written) => {
    const url = URL.canParse(written) ? new URL(written) : undefined;
    const isWeb = url !== undefined && /^https?:$/.test(url.protocol);
    return isWeb && url.username === "" && url.password === "" && url.hostname !== ""
      ? undefined
      : predicates.site_url;
  },
});
