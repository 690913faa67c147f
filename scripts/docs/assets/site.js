// Adds a copy button to each block of code.
for (const block of document.querySelectorAll(".code")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const text = block.querySelector("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => {
      button.textContent = "Copy";
    }, 1500);
  });
  block.append(button);
}

const isLocal = /^(127\.0\.0\.1|localhost|\[::1\])$/.test(location.hostname);

// On a stack on this machine: adds a link to its start page, and its port to every address and command.
if (isLocal && location.pathname.startsWith("/docs/")) {
  const home = document.createElement("a");
  home.href = "/";
  home.textContent = "Start page";
  document.querySelector(".bar nav").prepend(home);
  const usual = "127.0.0.1:54321";
  const own = `127.0.0.1:${location.port}`;
  const texts = document.createTreeWalker(document.querySelector("#main"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { currentNode: node } = texts;
    if (node.data.includes(usual)) node.data = node.data.replaceAll(usual, own);
  }
  for (const link of document.querySelectorAll(`#main a[href*="${usual}"]`))
    link.setAttribute("href", link.getAttribute("href").replaceAll(usual, own));
}

// The search box finds parts of guides with all words. Parts with the words in their title come first.
const box = document.querySelector(".search input");
const results = document.querySelector(".search ul");
const root = new URL(box.dataset.index, location.href);
let index;
box.addEventListener("input", async () => {
  index ??= fetch(root).then((answer) => answer.json());
  const parts = await index;
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (text) => words.every((word) => text.toLowerCase().includes(word));
  const inTitle = ({ title, page }) => has(`${page} ${title}`);
  const found = words.length === 0 ? [] : parts.filter((part) => inTitle(part) || has(part.text));
  const shown = [...found.filter(inTitle), ...found.filter((part) => !inTitle(part))].slice(0, 12);
  results.replaceChildren(...shown.map(resultOf));
  if (words.length > 0 && shown.length === 0) results.append("Nothing has all of these words.");
});
box.addEventListener("keydown", ({ key }) => {
  if (key === "Enter") results.querySelector("a")?.click();
  if (key === "Escape") results.replaceChildren();
});
document.addEventListener("click", ({ target }) => {
  if (!target.closest(".search")) results.replaceChildren();
});

function resultOf({ at, title, page }) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = new URL(at, root).href;
  link.textContent = title;
  const where = document.createElement("small");
  where.textContent = page;
  link.append(where);
  link.addEventListener("click", () => results.replaceChildren());
  item.append(link);
  return item;
}
