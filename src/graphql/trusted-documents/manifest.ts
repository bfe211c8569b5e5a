import { createHash } from 'node:crypto';
import { z } from 'zod';
import { fileErrorCode, readRegularFile } from '../../base/file-errors.js';

/** What a manifest says: the text of each document by its id. */
export type Manifest = ReadonlyMap<string, string>;

/**
 * Ids without a colon, SHA-256 digests, and prefixes of one's own:
 * https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md
 */
const ID = /^(?:sha256:[0-9a-f]{64}|x-[\w.~-]+:[\w.~-]+|[\w.~-]+)$/;
const MAX_ID_LENGTH = 512;

const PLAIN = z.record(z.string(), z.string());
const APOLLO = z.object({
  format: z.literal('apollo-persisted-query-manifest'),
  version: z.literal(1),
  operations: z.array(z.object({ id: z.string(), body: z.string() })),
});

/**
 * A digest is the same id with its prefix and without: which of the two a client sends is up to the
 * tool that made it.
 */
export function canonicalId(id: string): string {
  return id.startsWith('sha256:') ? id.slice('sha256:'.length) : id;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The documents of a file, and every mistake of it in a line of its own. */
export function readManifest(file: string): { manifest: Manifest; problems: string[] } {
  const manifest = new Map<string, string>();
  const problems: string[] = [];
  const json = readJson(file);
  if ('problem' in json) return { manifest, problems: [json.problem] };
  const entries = entriesOf(json.value);
  if (!entries)
    return {
      manifest,
      problems: [
        `${file} is neither { "<id>": "<document>" } nor an Apollo manifest of version 1.`,
      ],
    };
  for (const [id, text] of entries) {
    const problem =
      idProblem(id, text) ?? (manifest.has(canonicalId(id)) ? 'occurs twice.' : undefined);
    if (problem) problems.push(`${file}: the id ${JSON.stringify(id)} ${problem}`);
    else manifest.set(canonicalId(id), text);
  }
  return { manifest, problems };
}

export function readJson(file: string): { value: unknown } | { problem: string } {
  try {
    return { value: JSON.parse(readRegularFile(file).toString('utf8')) };
  } catch (error) {
    return {
      problem:
        error instanceof SyntaxError
          ? `${file} is not valid JSON: ${error.message}`
          : `${file} cannot be read: ${fileErrorCode(error) ?? (error as Error).message}`,
    };
  }
}

function entriesOf(value: unknown): [string, string][] | undefined {
  const apollo = APOLLO.safeParse(value);
  if (apollo.success) return apollo.data.operations.map(({ id, body }) => [id, body]);
  const plain = PLAIN.safeParse(value);
  return plain.success ? Object.entries(plain.data) : undefined;
}

function idProblem(id: string, text: string): string | undefined {
  if (id.length > MAX_ID_LENGTH) return `is longer than ${MAX_ID_LENGTH} characters.`;
  if (!ID.test(id))
    return (
      'does not consist of letters, digits and - . _ ~, after "sha256:" or a custom prefix ' +
      'such as "x-web:".'
    );
  const bare = canonicalId(id);
  return /^[0-9a-f]{64}$/.test(bare) && bare !== digestOf(text)
    ? `is not the SHA-256 digest of its document, which is ${digestOf(text)}.`
    : undefined;
}
