import { badInput } from '../base/app-error.js';

/** The media types of the files that documents are made of. */
export const ACCEPTED_CONTENT_TYPES: readonly string[] = [
  'application/pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'text/html',
  'text/markdown',
  'text/plain',
  'text/csv',
];

/** What programs say of a file that they do not know. */
const UNKNOWN = 'application/octet-stream';

/** The media type that a caller declares; undefined where it says nothing. */
export function contentTypeInput(field: string, value: string): string | undefined {
  const type = value.split(';', 1)[0]!.trim();
  if (type === UNKNOWN) return undefined;
  if (ACCEPTED_CONTENT_TYPES.includes(type)) return value;
  throw badInput(
    field,
    `Files of the type "${type}" are not accepted. ${field} must be one of ` +
      `${ACCEPTED_CONTENT_TYPES.join(', ')}, or be omitted.`,
  );
}
