/** A table of a Markdown file: its cells as they are written. */
interface Table {
  /** The heading above it. */
  heading: string;
  header: string[];
  rows: string[][];
}

interface CodeBlock {
  language: string;
  text: string;
}

/** What the tests need to know of a Markdown file. */
export interface Markdown {
  /** The anchors of its headings, as GitHub makes them. */
  anchors: Set<string>;
  tables: Table[];
  blocks: CodeBlock[];
  /** The targets of its links. */
  links: string[];
  /** Its text without the blocks of code. */
  prose: string;
}

export function parseMarkdown(text: string): Markdown {
  const blocks: CodeBlock[] = [];
  const prose = text.replaceAll(/^```(\w*)\n([\s\S]*?)^```$/gm, (_, language: string, code: string) => {
    blocks.push({ language, text: code });
    return "";
  });
  const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading as string);
  const links = [...prose.replaceAll(/`[^`\n]*`/g, "x").matchAll(/\]\(([^)\s]+)\)/g)].map(
    ([, target]) => target as string,
  );
  return { anchors: new Set(headings.map(anchorOf)), tables: tablesOf(prose), blocks, links, prose };
}

/** The code spans of a cell or a sentence. */
export function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code as string);
}

/** The rows of the table under `heading`; throws if there is none. */
export function rowsUnder(markdown: Markdown, heading: string): string[][] {
  const table = markdown.tables.find((one) => one.heading === heading);
  if (table === undefined) throw new Error(`there is no table under ${heading}`);
  return table.rows;
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

function tablesOf(prose: string): Table[] {
  const tables: Table[] = [];
  let heading = "";
  let open: Table | undefined;
  for (const line of prose.split("\n")) {
    if (/^#+ /.test(line)) heading = line.replace(/^#+ /, "");
    if (!line.startsWith("|")) open = undefined;
    else if (open === undefined) {
      open = { heading, header: cellsOf(line), rows: [] };
      tables.push(open);
    } else if (!/^[|\s:-]+$/.test(line)) open.rows.push(cellsOf(line));
  }
  return tables;
}

function cellsOf(line: string): string[] {
  return line
    .replace(/^\|/, "")
    .replace(/\|\s*$/, "")
    .split("|")
    .map((cell) => cell.trim());
}
