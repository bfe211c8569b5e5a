import { createHash, hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMMAND_LINE } from '../../auth/caller.js';
import { AppError } from '../../base/app-error.js';
import type { Config } from '../../config.js';
import type { Database } from '../../db/database.js';
import { detectFormat } from '../../extraction/detect-format.js';
import { ExtractionError } from '../../extraction/extraction-error.js';
import { lineInput } from '../../graphql/input-checks.js';
import type { IngestionEvents } from '../../ingestion/ingestion-events.js';
import {
  ingestUpload,
  retryIngestion,
  type IngestionDb,
} from '../../ingestion/ingestion.service.js';
import { storeFile } from '../../uploads/store-file.js';
import type { UploadDb } from '../../uploads/upload-db.js';
import { createUpload } from '../../uploads/upload.service.js';
import { UploadStore } from '../../uploads/upload-store.js';
import { operatorDb } from '../../writes/db.js';
import { planFile, type FilePlan, type ImportTarget } from './find-document.js';
import { readFolderFile, type FolderFile } from './folder-files.js';
import { FileRefusal } from './file-refusal.js';

const MAX_NAME_LENGTH = 500;

/** How often another one may change the same document or upload meanwhile. */
const MAX_TRIES = 5;
const LONGEST_PAUSE_MS = 200;

/** A file that is an ingestion now, or need not become one. */
export type Brought =
  | { readonly kind: 'unchanged'; readonly documentId: string }
  | { readonly kind: 'coming'; readonly documentId: string; readonly ingestionId: string };

/** A file that was read and could be imported. */
interface ReadFile {
  readonly filename: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/**
 * Brings files of a folder in for a bot by the use cases of the API: upload, then ingestion. It
 * keeps nothing that the database does not have, so it may end at any moment: whoever brings the
 * same file in again goes on with its upload or its ingestion.
 */
export class FileImporter {
  readonly #db: UploadDb & IngestionDb;
  readonly #store: UploadStore;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly folder: string,
    private readonly target: ImportTarget,
    events: IngestionEvents,
  ) {
    const { uploads, quotas, http } = config;
    this.#db = {
      ...operatorDb(database),
      ingestionEvents: events,
      quotas,
      uploads: { ...uploads, publicUrl: http.publicUrl },
    };
    this.#store = new UploadStore(database, config.limits);
  }

  /** What would be done with a file. Throws a `FileRefusal`. */
  async plan(file: FolderFile): Promise<FilePlan> {
    return this.#planOf(await this.#read(file));
  }

  /** Throws a `FileRefusal` where the file is not accepted. */
  async bringIn(file: FolderFile): Promise<Brought> {
    const read = await this.#read(file);
    // Ids of uploads of the same content that cannot be used any more.
    const used: string[] = [];
    for (let tries = 1; ;) {
      const plan = await this.#planOf(read);
      const { kind } = plan;
      if (kind === 'unchanged') return { kind, documentId: plan.documentId };
      if (kind === 'wait') return { ...plan, kind: 'coming' };
      try {
        if (kind === 'retry') {
          await retryIngestion(this.#db, COMMAND_LINE, { id: plan.ingestionId });
          return { ...plan, kind: 'coming' };
        }
        const documentId = kind === 'revise' ? plan.documentId : null;
        const brought = await this.#send(read, documentId, used);
        if (brought) return brought;
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        const isChanged = error.code === 'CONFLICT' || error.code === 'NOT_FOUND';
        if (!isChanged || tries === MAX_TRIES) throw new FileRefusal(error.code, error.message);
        await sleep(Math.random() * LONGEST_PAUSE_MS * tries);
        tries += 1;
      }
    }
  }

  #planOf({ filename, sha256 }: ReadFile): Promise<FilePlan> {
    return planFile(this.database, this.target, filename, sha256);
  }

  /**
   * Uploads and ingests a file; undefined where the upload for its content was used before, which
   * is put down in `used`: then look again for what became of it.
   */
  async #send(
    { filename, bytes, sha256 }: ReadFile,
    documentId: string | null,
    used: string[],
  ): Promise<Brought | undefined> {
    const { tenantId, botId } = this.target;
    const { id } = await createUpload(this.#db, COMMAND_LINE, {
      tenantId,
      botId,
      filename,
      sizeBytes: String(bytes.length),
      sha256,
      idempotencyKey: keyOf([tenantId, botId, filename, sha256, ...used]),
    });
    const upload = await this.#store.find({ id, tenantId });
    if (!upload) {
      used.push(id);
      return undefined;
    }
    await storeFile(this.#store, upload, bytes);
    const { document, ingestion } = await ingestUpload(this.#db, COMMAND_LINE, {
      uploadId: id,
      documentId,
      tenantId,
    });
    return { kind: 'coming', documentId: document.id, ingestionId: ingestion.id };
  }

  /** What can be refused before anything is stored is refused here. */
  async #read(file: FolderFile): Promise<ReadFile> {
    const { uploads, extraction } = this.config;
    try {
      const filename = lineInput('The path', file.path, MAX_NAME_LENGTH);
      if (filename !== file.path)
        throw new FileRefusal(
          'BAD_USER_INPUT',
          'The path begins with a byte order mark. Rename it.',
        );
      const maxBytes = Math.min(uploads.maxBytes, extraction.bytes);
      const bytes = await readFolderFile(this.folder, file, maxBytes);
      if (bytes.length === 0) throw new FileRefusal('NO_TEXT', 'The file is empty.');
      await detectFormat(bytes, { filename }, extraction);
      return { filename, bytes, sha256: hash('sha256', bytes) };
    } catch (error) {
      if (error instanceof AppError || error instanceof ExtractionError)
        throw new FileRefusal(error.code, error.message);
      throw error;
    }
  }
}

/** The same for the same content at the same place. */
function keyOf(parts: readonly string[]): string {
  return `import:${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}`;
}
