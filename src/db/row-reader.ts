import { bytesWhenParsed } from '../base/json-size.js';
import type { Row } from './statement.js';
import { VECTOR_BYTES, type VectorReader } from './vector-reader.js';

/** A column of a statement's result, as the server describes it. */
export interface ResultColumn {
  readonly name: string;
  /** PostgreSQL's number of its type. */
  readonly dataTypeID: number;
}

/** The values of a row as the server sends them, in the order of the columns. */
export type RowTexts = readonly (string | null)[];

type Parse = (text: string) => unknown;

const JSON_TYPES = new Set([114, 3802]);
/** PostgreSQL's number of the type `bytea`. */
export const BYTEA = 17;

/** Makes rows of one statement from their texts. */
export interface RowReader {
  /** Bytes that values take beside their texts once they are read. */
  bytesWhenRead(texts: RowTexts): number;
  /** Whether a row takes as long to read as many others. */
  readonly isSlow: boolean;
  read(texts: RowTexts): Row;
}

/** `parserOf`: how the driver reads a type. Bytes are vectors (`ReadModel.select`). */
export function rowReader(
  columns: readonly ResultColumn[],
  parserOf: (dataTypeID: number) => Parse,
  vectors: VectorReader,
): RowReader {
  const parsers = columns.map(({ dataTypeID }) =>
    dataTypeID === BYTEA ? vectors.read : parserOf(dataTypeID),
  );
  const indexesOf = (types: (type: number) => boolean): number[] =>
    columns.flatMap(({ dataTypeID }, index) => (types(dataTypeID) ? [index] : []));
  const json = indexesOf(type => JSON_TYPES.has(type));
  const vector = indexesOf(type => type === BYTEA);
  return {
    isSlow: json.length + vector.length > 0,
    bytesWhenRead(texts) {
      let bytes = 0;
      for (const index of json) bytes += bytesWhenParsed(texts[index] ?? '');
      for (const index of vector) if (texts[index] !== null) bytes += VECTOR_BYTES;
      return bytes;
    },
    read: objectMaker(columns, parsers),
  };
}

/**
 * An object literal of the columns' names, compiled. Written member by member, as the driver does,
 * a row of 8 columns takes 8 to 25 times as long: docs/decisions/0014-rows-from-texts.md.
 */
function objectMaker(
  columns: readonly ResultColumn[],
  parsers: readonly Parse[],
): (texts: RowTexts) => Row {
  const members = columns.map(
    ({ name }, index) =>
      `${JSON.stringify(name)}: texts[${index}] === null ? null : ` +
      `parsers[${index}](texts[${index}])`,
  );
  // The names are aliases of our own statements, and are quoted.
  // oxlint-disable-next-line no-new-func
  return new Function('parsers', `return texts => ({ ${members.join(', ')} })`)(parsers) as (
    texts: RowTexts,
  ) => Row;
}
