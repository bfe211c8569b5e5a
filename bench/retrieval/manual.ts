import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setOfSections, type QuestionSet, type Section } from './question-set.js';

/** A section with less than this says nothing that could be asked for. */
const LEAST_TEXT = 120;

/** The manual that comes with Fastify: whoever looks for a section knows its title. */
export function fastifyManual(): QuestionSet {
  const folder = join(dirname(createRequire(import.meta.url).resolve('fastify')), 'docs');
  const pages = ['Guides', 'Reference'].flatMap(part =>
    readdirSync(join(folder, part))
      .sort()
      .map(name => readFileSync(join(folder, part, name), 'utf8')),
  );
  return setOfSections('Manual of Fastify', pages.flatMap(sectionsOf));
}

/** What stands below each heading. A line with `#` in a block of code is none. */
function sectionsOf(markdown: string): Section[] {
  const sections: { heading: string; lines: string[] }[] = [];
  let isCode = false;
  for (const line of markdown.split('\n')) {
    if (/^\s*```/.test(line)) isCode = !isCode;
    const heading = isCode ? undefined : /^#{1,4}\s+(.*)$/.exec(line)?.[1];
    if (heading !== undefined) sections.push({ heading: plain(heading), lines: [] });
    else sections.at(-1)?.lines.push(line);
  }
  return sections
    .map(({ heading, lines }) => ({ heading, text: lines.join('\n').trim() }))
    .filter(({ heading, text }) => heading.length > 2 && text.length >= LEAST_TEXT);
}

function plain(heading: string): string {
  return heading
    .replace(/<[^>]*>/g, '')
    .replace(/[`*]|\\(?=[<>])/g, '')
    .trim();
}
