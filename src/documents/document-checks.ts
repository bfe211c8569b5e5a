import { badInput } from '../base/app-error.js';
import { intInput, lineInput, longTextInput } from '../graphql/input-checks.js';
import { uuidInput } from '../graphql/uuid-input.js';
import {
  MAX_ERROR_BYTES,
  MAX_FILENAME_LENGTH,
  MAX_SIZE_BYTES,
  MAX_SOURCE_URI_LENGTH,
  MAX_TEXT_BYTES,
  type CreateDocumentInput,
} from './document-mutations.inputs.js';
import { DocumentStatus } from './document.entity.js';

export const filenameInput = (value: string): string =>
  lineInput('input.filename', value, MAX_FILENAME_LENGTH);
export const sourceUriInput = (value: string): string =>
  lineInput('input.sourceUri', value, MAX_SOURCE_URI_LENGTH);
export const documentTextInput = (value: string): string =>
  longTextInput('input.text', value, MAX_TEXT_BYTES);
export const errorMessageInput = (value: string): string =>
  longTextInput('input.errorMessage', value, MAX_ERROR_BYTES);
export const botIdInput = (value: string): string => uuidInput('input.botId', value);
export const sizeBytesInput = (value: string): number =>
  intInput('input.sizeBytes', Number(value), 0, MAX_SIZE_BYTES, value);

/** What a document is made of: its text, or the place of a file. */
export type DocumentSource =
  | { readonly text: string }
  | { readonly sourceUri: string; readonly sizeBytes: number; readonly status: DocumentStatus };

export function documentSource({
  text,
  sourceUri,
  sizeBytes,
  status,
}: CreateDocumentInput): DocumentSource {
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
    return { text: documentTextInput(text) };
  }
  if (sourceUri == null)
    throw badInput(
      'input.text',
      'Set input.text or input.sourceUri: a document needs one of them.',
    );
  return {
    sourceUri: sourceUriInput(sourceUri),
    sizeBytes: sizeBytes == null ? 0 : sizeBytesInput(sizeBytes),
    status: status ?? DocumentStatus.PENDING,
  };
}
