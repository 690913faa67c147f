import { predicates } from "../predicates.ts";
import { text } from "./text.ts";

/** The site that links in mails lead to. User names are refused, since every mail would contain them. */
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
