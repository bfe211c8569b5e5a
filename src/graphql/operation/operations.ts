import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { RequestContext } from '../context.js';
import type { OperationSettings } from './admission-problem.js';
import {
  answerOperation,
  type OperationAnswer,
  type OperationParameters,
} from './answer-operation.js';
import { prepareDocument, validDocument, type PreparedDocument } from './prepared-document.js';

/** The maximum number of cached documents that are not trusted documents. */
const MAX_DOCUMENTS = 2_000;

/**
 * Room for those documents, in characters of their text: their syntax trees take some 50 bytes for
 * each.
 */
const MAX_LENGTH = 2_000_000;

/** What a document takes besides, in characters. */
const LENGTH_OF_ENTRY = 500;

/** What a field of a plan takes, in characters. */
const LENGTH_OF_FIELD = 40;

/**
 * Prepares and answers operations, for any transport. What does not depend on the caller or on
 * variables is prepared once for the text of a document. Trusted documents are always cached,
 * others in an LRU cache, so that many different ones take no more memory than a few.
 */
export class Operations {
  readonly #trusted: ReadonlyMap<string, PreparedDocument>;
  readonly #latest = new LRUCache<string, PreparedDocument>({
    max: MAX_DOCUMENTS,
    maxSize: MAX_LENGTH,
    sizeCalculation: ({ maxPlannedFields }, text) =>
      LENGTH_OF_ENTRY + text.length + LENGTH_OF_FIELD * maxPlannedFields,
  });

  /** `trusted`: valid documents by their texts. */
  constructor(
    readonly settings: OperationSettings,
    trusted: ReadonlyMap<string, DocumentNode> = new Map(),
  ) {
    this.#trusted = new Map(
      Array.from(trusted, ([text, document]) => [text, validDocument(document)]),
    );
  }

  /** The document of a text that is trusted, or came before and was valid. */
  known(text: string): PreparedDocument | undefined {
    const known = this.#trusted.get(text) ?? this.#latest.get(text);
    return known?.problem ? undefined : known;
  }

  /**
   * The prepared document of a text. It is cached, unless its text must be parsed again to say what
   * is wrong.
   */
  prepare(text: string): PreparedDocument {
    const known = this.#trusted.get(text) ?? this.#latest.get(text);
    if (known) return known;
    const prepared = prepareDocument(this.settings.schema, this.settings.limits, text);
    if (prepared.errors.length === 0) this.#latest.set(text, prepared);
    return prepared;
  }

  /** Checks and executes an operation of a document. */
  answer(
    document: PreparedDocument,
    parameters: OperationParameters,
    context: RequestContext,
  ): Promise<OperationAnswer> {
    return answerOperation(this.settings, document, parameters, context);
  }
}
