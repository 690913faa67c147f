import type { Report } from "./report.ts";

const [width, left, right, row, head] = [820, 250, 130, 26, 54];

/** Bars of the ratios, each section below the other. */
export function chart({ at, machine, sections }: Report): string {
  const parts: string[] = [];
  let y = 30;
  const text = (x: number, words: string, style = "") =>
    parts.push(`<text x="${x}" y="${y}" ${style}>${escaped(words)}</text>`);
  text(16, "Cloud API, measured side by side", 'font-size="18" font-weight="600"');
  y += 20;
  text(16, `${at.slice(0, 10)} · ${machine}`, 'fill="#667"');
  for (const { title, ratio_to, results } of sections) {
    y += head;
    text(16, title, 'font-size="15" font-weight="600"');
    text(width - 16, `ratio to ${ratio_to}, requests/s`, 'fill="#667" text-anchor="end"');
    const most = Math.max(...results.map(({ ratio }) => ratio));
    y += 12;
    for (const { name, ratio, requests_per_second } of results) {
      const length = Math.max(2, ((width - left - right) * ratio) / most);
      parts.push(
        `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${row - 8}" rx="3" fill="#3a7d6b"/>`,
      );
      y += 14;
      text(left - 10, name, 'text-anchor="end"');
      text(left + length + 8, `${ratio.toFixed(2)}   ${requests_per_second.toFixed(0)}/s`);
      y += row - 14;
    }
  }
  const height = y + 20;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="#223">
<rect width="100%" height="100%" fill="#fff"/>
${parts.join("\n")}
</svg>
`;
}

const escaped = (text: string) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
