import { z } from 'zod';

/** Documents that were checked before they are asked for, and who may send others. */
export interface TrustedDocumentsConfig {
  /** Files of the documents that every caller may run. */
  manifests: string[];
  /** A file that binds keys to manifests of their own. */
  keysFile: string | undefined;
  /** Who may send the text of an operation. */
  adHoc: 'everyone' | 'operator' | 'nobody';
}

const files = z
  .string()
  .transform(value =>
    value
      .split(',')
      .map(file => file.trim())
      .filter(Boolean),
  )
  .optional();

export const TRUSTED_DOCUMENT_SETTINGS = {
  WEAVER_TRUSTED_DOCUMENTS: files.describe(
    'Manifests of trusted documents, which requests name by documentId: JSON files, ' +
      'separated by commas.',
  ),
  WEAVER_TRUSTED_DOCUMENT_KEYS: z
    .string()
    .trim()
    .min(1)
    .optional()
    .describe(
      'A JSON file that binds API keys, by their ids, to manifests. A bound key can run ' +
        'nothing else.',
    ),
  WEAVER_AD_HOC_OPERATIONS: z
    .enum(['everyone', 'operator', 'nobody'], 'must be everyone, operator or nobody')
    .default('everyone')
    .describe(
      'Who may send the text of an operation instead of the documentId of a trusted ' +
        'document: everyone, operator or nobody.',
    ),
};

export function trustedDocumentProblems(setNames: NodeJS.ProcessEnv): string[] {
  const unusedSettings =
    setNames.WEAVER_TRUSTED_DOCUMENTS === undefined &&
    setNames.WEAVER_TRUSTED_DOCUMENT_KEYS === undefined;
  const restricts =
    setNames.WEAVER_AD_HOC_OPERATIONS === 'operator' ||
    setNames.WEAVER_AD_HOC_OPERATIONS === 'nobody';
  return unusedSettings && restricts
    ? [
        'WEAVER_AD_HOC_OPERATIONS requires WEAVER_TRUSTED_DOCUMENTS or ' +
          'WEAVER_TRUSTED_DOCUMENT_KEYS, unless it is everyone',
      ]
    : [];
}

export function toTrustedDocuments(
  env: z.infer<z.ZodObject<typeof TRUSTED_DOCUMENT_SETTINGS>>,
): TrustedDocumentsConfig {
  return {
    manifests: env.WEAVER_TRUSTED_DOCUMENTS ?? [],
    keysFile: env.WEAVER_TRUSTED_DOCUMENT_KEYS,
    adHoc: env.WEAVER_AD_HOC_OPERATIONS,
  };
}
