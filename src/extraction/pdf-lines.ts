/** A piece of text of pdf.js: some words of one font in one line. */
export interface TextRun {
  readonly str: string;
  readonly transform: readonly number[];
  readonly width: number;
  readonly hasEOL: boolean;
}

/** A line of a page. Lengths are in points, and `y` grows upwards. */
export interface TextLine {
  readonly text: string;
  /** Where it begins and ends. */
  readonly start: number;
  readonly end: number;
  readonly y: number;
  /** Of the font of most of its characters. */
  readonly size: number;
}

/** Runs closer than this part of the font's size, one above the other, are in one line. */
const SAME_LINE = 0.5;
/** pdf.js takes most of them apart itself. */
const LIGATURES = /[\ufb00-\ufb06]/g;

/** The lines of a page that have characters to see. */
export function linesOf(runs: readonly TextRun[]): TextLine[] {
  const lines: TextLine[] = [];
  let open: TextRun[] = [];
  for (const [index, run] of runs.entries()) {
    open.push(run);
    if (!run.hasEOL && index < runs.length - 1) continue;
    const line = lineOf(open);
    open = [];
    if (!line) continue;
    const last = lines.at(-1);
    // A raised number, or a cell further right.
    const goesOn =
      last && Math.abs(last.y - line.y) < SAME_LINE * last.size && line.start >= last.end;
    if (goesOn)
      lines[lines.length - 1] = { ...last, text: `${last.text} ${line.text}`, end: line.end };
    else lines.push(line);
  }
  return lines;
}

function lineOf(runs: readonly TextRun[]): TextLine | undefined {
  const shown = runs.filter(({ str }) => /\S/.test(str));
  const [first] = shown;
  if (!first) return undefined;
  const last = shown.at(-1)!;
  const text = runs
    .map(({ str }) => str)
    .join('')
    .replace(/\s+/g, ' ')
    .replace(/\u00ad(?!\s*$)/g, '')
    .replace(LIGATURES, ligature => ligature.normalize('NFKC'))
    .trim();
  const main = shown.reduce((most, run) => (run.str.length > most.str.length ? run : most));
  return {
    text,
    start: first.transform[4]!,
    end: last.transform[4]! + last.width,
    y: first.transform[5]!,
    size: sizeOf(main),
  };
}

function sizeOf({ transform }: TextRun): number {
  return Math.round(Math.hypot(transform[2]!, transform[3]!) * 10) / 10;
}
