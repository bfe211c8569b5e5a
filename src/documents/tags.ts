import { badInput } from '../base/app-error.js';
import { lineInput, listInput } from '../graphql/input-checks.js';

const MAX_TAGS = 50;
const MAX_TAG_LENGTH = 100;

/**
 * Tags as they are stored: as they were given, in their order, each once. Two spellings that
 * Unicode counts as the same are the same tag, `é` composed and decomposed; two cases are not.
 */
export function tagsInput(field: string, tags: readonly string[]): string[] {
  const stored = new Map<string, string>();
  for (const [index, given] of listInput(field, tags, 0, MAX_TAGS).entries()) {
    const item = `${field}[${index}]`;
    const tag = lineInput(item, given, MAX_TAG_LENGTH);
    if (tag !== tag.trim()) throw badInput(item, `${item} begins or ends with a space. Remove it.`);
    const key = tag.normalize('NFC');
    if (!stored.has(key)) stored.set(key, tag);
  }
  return [...stored.values()];
}
