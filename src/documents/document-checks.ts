import { badInput } from '../base/app-error.js';
import { longTextInput } from '../graphql/input-checks.js';
import type { CreateDocumentInput } from './document-mutations.inputs.js';

const MAX_TEXT_BYTES = 1_000_000;

export const documentTextInput = (value: string): string =>
  longTextInput('input.text', value, MAX_TEXT_BYTES);

/**
 * The text of a new document; undefined if the input has the address of a file. Refuses fields that
 * do not belong to the one or the other.
 */
export function documentText(input: CreateDocumentInput): string | undefined {
  const { text, sourceUri, sizeBytes, status, metadata } = input;
  if (text != null) {
    if (sourceUri != null)
      throw badInput('input.sourceUri', 'Set either input.text or input.sourceUri, not both.');
    if (sizeBytes != null)
      throw badInput(
        'input.sizeBytes',
        'input.sizeBytes cannot be set together with input.text, whose size is ' +
          'calculated. Remove it.',
      );
    if (status != null)
      throw badInput(
        'input.status',
        'input.status cannot be set together with input.text, which makes the document ' +
          'COMPLETED. Remove it.',
      );
    return documentTextInput(text);
  }
  if (sourceUri == null)
    throw badInput(
      'input.text',
      'Set input.text or input.sourceUri: a document needs one of them.',
    );
  if (metadata != null)
    throw badInput(
      'input.metadata',
      'input.metadata is stored on the chunks of input.text, which is missing. Set ' +
        'input.text or remove input.metadata.',
    );
  return undefined;
}
