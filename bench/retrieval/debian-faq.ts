import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDebianPackages } from '../shared/debian-packages.js';
import { setOfSections, type QuestionSet, type Section } from './question-set.js';

const LANGUAGES = [
  { name: 'Debian FAQ', package: 'debian-faq', folder: '.', ending: '.en.html' },
  { name: 'Debian FAQ, German', package: 'debian-faq-de', folder: 'de', ending: '.html' },
  { name: 'Debian FAQ, French', package: 'debian-faq-fr', folder: 'fr', ending: '.html' },
  { name: 'Debian FAQ, Japanese', package: 'debian-faq-ja', folder: 'ja', ending: '.html' },
];

/** A heading with too little below it is a place in the table of contents. */
const LEAST_TEXT = 60;

/** The Debian FAQ in four languages, from Debian's packages, which are downloaded each time. */
export function debianFaq(): QuestionSet[] {
  const packages = LANGUAGES.map(language => language.package);
  return readDebianPackages(packages, folder =>
    LANGUAGES.map(language => {
      const pages = join(folder, 'usr/share/doc/debian/FAQ', language.folder);
      const sections = readdirSync(pages)
        .filter(name => name.endsWith(language.ending) && !name.startsWith('index'))
        .sort()
        .flatMap(name => sectionsOf(readFileSync(join(pages, name), 'utf8')));
      return setOfSections(language.name, sections);
    }),
  );
}

/** What stands between one title and the next. */
function sectionsOf(html: string): Section[] {
  const body = html.replace(/<div class="(?:toc|nav[a-z]+)">.*?<\/(?:dl|table)>/gs, '');
  return Array.from(
    body.matchAll(/<h[2-6] class="title"[^>]*>(.*?)<\/h[2-6]>(.*?)(?=<h[1-6] class="title"|$)/gs),
    ([, title, below]) => ({
      heading: textOf(title!).replace(/^[\d.]+\s*/, ''),
      text: textOf(below!),
    }),
  ).filter(({ text }) => text.length >= LEAST_TEXT);
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  nbsp: ' ',
};

function textOf(html: string): string {
  return html
    .replace(/<\/(?:p|li|dt|dd|pre|div|tr)>/g, '\n\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&#x?\w+;|&(\w+);/g, (_, name: string | undefined) =>
      name ? (ENTITIES[name] ?? ' ') : ' ',
    )
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
