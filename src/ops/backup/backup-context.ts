/** What long work is given: whom it tells how far it is, and by what it is ended. */
export interface BackupContext {
  readonly report: (doing: string) => void;
  readonly signal: AbortSignal;
  /** Where PostgreSQL's programs are found, and the user's files. */
  readonly env: NodeJS.ProcessEnv;
}

/** Bytes in words. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
