import { dirname, resolve } from 'node:path';
import { GraphQLError, parse, validate, type DocumentNode, type GraphQLSchema } from 'graphql';
import { z } from 'zod';
import type { Principal } from '../../auth/principal.js';
import { AppError, badInput } from '../../base/app-error.js';
import { StartupError } from '../../base/startup-error.js';
import type { Config } from '../../config.js';
import { canonicalId, readJson, readManifest, type Manifest } from './manifest.js';

/** What a request says of the operation that it wants, as it came. */
export interface OperationRequest {
  readonly query: unknown;
  readonly documentId: unknown;
  /**
   * Asked for as Apollo's clients do, who send the text themselves when they hear that its hash is
   * not known.
   */
  readonly byHash?: boolean;
}

/** Manifests by key id: of one file, or of several. */
const KEYS = z.record(z.uuid(), z.union([z.string(), z.array(z.string())]));

const NOTHING: Manifest = new Map();

/**
 * Documents that were read and checked at the start, and who may run what. Whoever has the id of
 * one may run it, as far as its fields allow.
 */
export class TrustedDocuments {
  private constructor(
    private readonly adHoc: Config['trustedDocuments']['adHoc'],
    private readonly sharedDocuments: Manifest,
    private readonly documentsByKey: ReadonlyMap<string, Manifest>,
    /** All of them, parsed and valid, by their texts. */
    readonly documents: ReadonlyMap<string, DocumentNode>,
  ) {}

  /** Reads the files. Throws a `StartupError` that names every mistake in them. */
  static read(
    { manifests, keysFile, adHoc }: Config['trustedDocuments'],
    schema: GraphQLSchema,
  ): TrustedDocuments {
    const reader = new Reader(schema);
    const sharedDocuments = reader.merged(manifests);
    const documentsByKey =
      keysFile === undefined ? new Map<string, Manifest>() : reader.documentsByKey(keysFile);
    if (reader.problems.length > 0)
      throw new StartupError(
        'The trusted documents cannot be ' +
          `used:\n${reader.problems.map(problem => `  - ${problem}`).join('\n')}`,
      );
    return new TrustedDocuments(adHoc, sharedDocuments, documentsByKey, reader.parsed);
  }

  /**
   * The text that the request's id or hash names; undefined if the request contains its own text.
   * Throws an `AppError` if the text may not run.
   */
  textFor(
    { query, documentId, byHash }: OperationRequest,
    principal: Principal,
  ): string | undefined {
    const allowed =
      principal.kind === 'apiKey' ? this.documentsByKey.get(principal.keyId) : undefined;
    if (documentId === undefined || documentId === null) {
      if (query === undefined || (!allowed && this.#allowsAdHoc(principal))) return undefined;
      throw new AppError(
        'FORBIDDEN',
        `Only trusted documents may run ${allowed ? 'with this key' : 'here'}: send the ` +
          'documentId of one instead of query.',
        { field: 'query' },
      );
    }
    if (query !== undefined && query !== null)
      throw badInput('documentId', 'Send either documentId or query, not both.');
    const text =
      typeof documentId === 'string'
        ? (allowed ?? this.sharedDocuments).get(canonicalId(documentId))
        : undefined;
    // Apollo answers that it keeps no texts under their hashes.
    if (text === undefined && byHash && !allowed && this.#allowsAdHoc(principal)) return undefined;
    if (text === undefined)
      throw badInput(
        'documentId',
        this.documents.size === 0
          ? 'This gateway has no trusted documents. Send query instead of documentId.'
          : 'There is no trusted document with this documentId.',
      );
    return text;
  }

  #allowsAdHoc({ kind }: Principal): boolean {
    return this.adHoc === 'everyone' || (this.adHoc === 'operator' && kind === 'operator');
  }
}

/** Reads each file once, and parses each text once. */
class Reader {
  readonly problems: string[] = [];
  readonly parsed = new Map<string, DocumentNode>();
  readonly #files = new Map<string, Manifest>();

  constructor(private readonly schema: GraphQLSchema) {}

  documentsByKey(file: string): Map<string, Manifest> {
    const json = readJson(file);
    const keys = 'problem' in json ? undefined : KEYS.safeParse(json.value).data;
    if (!keys)
      this.problems.push(
        'problem' in json
          ? json.problem
          : `${file} is not { "<id of a key>": "<manifest>" }, or the same with a list of ` +
              'manifests.',
      );
    return new Map(
      Object.entries(keys ?? {}).map(([id, manifests]) => [
        id.toLowerCase(),
        this.merged([manifests].flat().map(manifest => resolve(dirname(file), manifest))),
      ]),
    );
  }

  merged(files: readonly string[]): Manifest {
    if (files.length === 0) return NOTHING;
    const all = new Map<string, string>();
    for (const file of files) {
      for (const [id, text] of this.#manifest(file)) {
        if ((all.get(id) ?? text) !== text)
          this.problems.push(
            `${file}: the id ${JSON.stringify(id)} names another document in an earlier file.`,
          );
        all.set(id, text);
      }
    }
    return all;
  }

  #manifest(file: string): Manifest {
    let known = this.#files.get(file);
    if (!known) {
      const { manifest, problems } = readManifest(file);
      this.problems.push(...problems);
      for (const [id, text] of manifest)
        this.#parse(text, `${file}: the document ${JSON.stringify(id)}`);
      this.#files.set(file, (known = manifest));
    }
    return known;
  }

  #parse(text: string, source: string): void {
    if (this.parsed.has(text)) return;
    try {
      const document = parse(text);
      const errors = validate(this.schema, document);
      for (const { message } of errors) this.problems.push(`${source}: ${message}`);
      if (errors.length === 0) this.parsed.set(text, document);
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      this.problems.push(`${source}: ${error.message}`);
    }
  }
}
