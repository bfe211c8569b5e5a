import { readWords, type WordPart } from '../base/read-words.js';

/** A chunk's text, and which lexemes were found at which of its places. */
export interface FoundWords {
  readonly text: string;
  readonly found: readonly (readonly [place: number, lexeme: string])[];
  /** Of what stands above the text, where that is shown. */
  readonly context?: FoundWords;
}

/** Which highlights of hits are shown. */
export interface Highlights {
  readonly highlight: boolean;
  readonly contextHighlight: boolean;
}

const MAX_FRAGMENTS = 3;
const MAX_WORDS = 30;
/** Shown before the first word that was found, and after the last. */
const WORDS_AROUND = 8;
const JOINER = /^[-./\\@:#_]$/;

interface Range {
  readonly start: number;
  readonly end: number;
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * The text around the words that were found, as HTML that is safe to show: only the words' marks
 * are markup. Null where no word stands in it. The text is read again: for chunks that are shown
 * only.
 */
export function highlightOf(words: FoundWords | null | undefined): string | null {
  if (!words || words.found.length === 0) return null;
  const parts = readWords(words.text, true);
  const marks = marksOf(words.text, parts, words.found);
  if (marks.length === 0) return null;
  return fragmentsOf(wholeWords(parts), marks)
    .map(fragment => fragmentHtml(words.text, fragment, marks))
    .join(' … ');
}

/** What was found, in the order of the text; ranges that touch or that a sign joins are one. */
function marksOf(text: string, parts: readonly WordPart[], found: FoundWords['found']): Range[] {
  const atPlace = Map.groupBy(parts, ({ place }) => place);
  const ranges = found
    .flatMap(([place, lexeme]) => partFound(atPlace.get(place) ?? [], lexeme) ?? [])
    .toSorted((a, b) => a.start - b.start || b.end - a.end);
  const merged: Range[] = [];
  for (const { start, end } of ranges) {
    const last = merged.at(-1);
    if (last && (start <= last.end || JOINER.test(text.slice(last.end, start))))
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, end) };
    else merged.push({ start, end });
  }
  return merged;
}

/**
 * Which of the words and parts that begin at a place has this lexeme. A stem stands in none: it is
 * of the shortest that is long enough.
 */
function partFound(parts: readonly WordPart[], lexeme: string): WordPart | undefined {
  const bySize = parts.toSorted((a, b) => a.size - b.size);
  return (
    bySize.find(({ lexemes }) => lexemes.includes(lexeme)) ??
    bySize.find(({ lexemes }) => lexemes.some(({ length }) => length >= lexeme.length)) ??
    bySize[0]
  );
}

function wholeWords(parts: readonly WordPart[]): Range[] {
  return [...Map.groupBy(parts, ({ word }) => word).values()].map(of => ({
    start: Math.min(...of.map(({ start }) => start)),
    end: Math.max(...of.filter(({ size, isWhole }) => size === 1 || isWhole).map(({ end }) => end)),
  }));
}

/** The fragments with the most marks, in the order of the text. */
function fragmentsOf(words: readonly Range[], marks: readonly Range[]): Range[] {
  const groups: { from: number; to: number; marks: number }[] = [];
  for (const mark of marks) {
    const from = words.findLastIndex(({ start }) => start <= mark.start);
    const to = Math.max(
      from,
      words.findLastIndex(({ start }) => start < mark.end),
    );
    const last = groups.at(-1);
    if (last && to - last.from < MAX_WORDS - WORDS_AROUND) {
      last.to = Math.max(last.to, to);
      last.marks += 1;
    } else groups.push({ from, to, marks: 1 });
  }
  return groups
    .toSorted((a, b) => b.marks - a.marks)
    .slice(0, MAX_FRAGMENTS)
    .toSorted((a, b) => a.from - b.from)
    .map(({ from, to }, index, chosen) => {
      const first = Math.max(from - WORDS_AROUND, (chosen[index - 1]?.to ?? -1) + 1);
      const next = chosen[index + 1]?.from ?? words.length;
      const last = Math.min(Math.max(to + WORDS_AROUND, first + MAX_WORDS - 1), next - 1);
      return {
        start: words[first]!.start,
        end: words[Math.max(to, Math.min(last, first + MAX_WORDS - 1))]!.end,
      };
    });
}

function fragmentHtml(text: string, { start, end }: Range, marks: readonly Range[]): string {
  let html = '';
  let at = start;
  for (const mark of marks) {
    if (mark.end <= start || mark.start >= end) continue;
    html += escapeHtml(text.slice(at, mark.start));
    html += `<mark>${escapeHtml(text.slice(mark.start, mark.end))}</mark>`;
    at = mark.end;
  }
  return html + escapeHtml(text.slice(at, Math.max(at, end)));
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, sign => ESCAPES[sign]!);
}
