/** Sentences that clients match on, and so keep as they are. */
const fixed = new Set(["Incorrect email or password", "Could not validate credentials"]);
/** What a library says of a value, and the way to a field. */
const forPrograms =
  /Invalid input|expected \w+, received|Too (big|small):|[<>]=|\bzod\b|\b(body|query|path)\.|undefined|NaN|\[object/;

/** Whether a text can be shown to a person: a whole sentence, in words of ours. */
export const isSentence = (text: string): boolean =>
  fixed.has(text) || isProse(text.replace(/"[^"]*"/g, '"quoted"'));

/** Between quotation marks is what the sender wrote. */
const isProse = (text: string) =>
  /^["A-Z].*[.?!]$/s.test(text) && !/\.\.|\s\.$/.test(text) && !forPrograms.test(text);
