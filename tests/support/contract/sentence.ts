/** Older clients compare these sentences, so they never change. */
const fixed = new Set(["Incorrect email or password", "Could not validate credentials"]);
/** Technical messages of libraries, and paths of fields. */
const forPrograms =
  /Invalid input|expected \w+, received|Too (big|small):|[<>]=|\bzod\b|\b(body|query|path)\.|undefined|NaN|\[object/;

/** Whether a text is a whole sentence for a person. */
export const isSentence = (text: string): boolean =>
  fixed.has(text) || isProse(text.replace(/"[^"]*"/g, '"quoted"'));

/** The text is checked without its quotations, which are the sender's words. */
const isProse = (text: string) =>
  /^["A-Z].*[.?!]$/s.test(text) && !/\.\.|\s\.$/.test(text) && !forPrograms.test(text);
