import { badInput } from '../base/app-error.js';
import { acceptedContentTypes } from '../extraction/formats.js';

/** What programs say of a file that they do not know. */
const UNKNOWN = 'application/octet-stream';

/** The media type that a caller declares; undefined where it says nothing. */
export function contentTypeInput(field: string, value: string): string | undefined {
  const type = value.split(';', 1)[0]!.trim().toLowerCase();
  if (type === UNKNOWN) return undefined;
  if (acceptedContentTypes.includes(type)) return value;
  throw badInput(
    field,
    `Files of the type "${type}" are not accepted. ${field} must be one of ` +
      `${acceptedContentTypes.join(', ')}, or be omitted.`,
  );
}
