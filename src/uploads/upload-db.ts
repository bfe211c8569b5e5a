import type { Quotas } from '../config/quotas.js';
import type { UploadConfig } from '../config/uploads.js';
import type { Db } from '../writes/db.js';

declare module '../graphql/context.js' {
  interface RequestContext {
    readonly uploads: UploadSettings;
  }
}

export interface UploadSettings extends Pick<UploadConfig, 'maxBytes' | 'lifetimeHours'> {
  /** What the addresses of uploads begin with; undefined for paths. */
  readonly publicUrl: string | undefined;
}

/** The database as the use cases of uploads see it. */
export interface UploadDb extends Db {
  readonly quotas: Quotas;
  readonly uploads: UploadSettings;
}
