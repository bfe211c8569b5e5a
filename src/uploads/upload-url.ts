import type { UploadSettings } from './upload-db.js';

export const UPLOADS_PATH = '/uploads';

export function uploadUrl(
  { publicUrl = '' }: Pick<UploadSettings, 'publicUrl'>,
  id: string,
): string {
  return `${publicUrl}${UPLOADS_PATH}/${id}`;
}
