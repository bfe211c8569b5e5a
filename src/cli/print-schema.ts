import { readFileSync } from 'node:fs';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { buildGatewaySchema } from '../schema.js';

/** The schema in SDL, sorted, ending with a line break: the text of `schema.graphql`. */
export function schemaText(): string {
  return `${printSchema(lexicographicSortSchema(buildGatewaySchema()))}\n`;
}

/**
 * What is wrong with a file that should hold the schema, and how to renew it; undefined where
 * nothing is.
 */
export function checkSchemaFile(file: string): string | undefined {
  const renew = `Renew it with "npx weaver schema print > ${file}".`;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return `${file} cannot be read (${(error as { code?: string }).code}). ${renew}`;
  }
  const [current, made] = [text, schemaText()].map(content =>
    content.replaceAll('\r\n', '\n').split('\n'),
  );
  const line = made!.findIndex((content, index) => content !== current![index]);
  if (line === -1 && current!.length === made!.length) return undefined;
  return `${file} is stale, first in line ${(line === -1 ? made!.length : line) + 1}. ${renew}`;
}
