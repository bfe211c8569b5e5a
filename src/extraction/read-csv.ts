import { parse, CsvError } from 'csv-parse';
import { Readable } from 'node:stream';
import { ExtractionError } from './extraction-error.js';
import { tooManyCharacters } from './too-many-characters.js';

const DELIMITERS = [',', ';', '\t', '|'];
/** The parser takes a text in pieces of this length. */
const PIECE = 65_536;
/** How much of a text shows what parts its columns. */
const SAMPLE = 65_536;

/**
 * The records of a table, each as lines of "column: value", with an empty line between two of them,
 * where the text is split first. Empty values are left out. The first record names the columns.
 * Throws an `ExtractionError`.
 */
export async function readCsv(text: string, limit: number): Promise<string> {
  const records = Readable.from(piecesOf(text)).pipe(
    parse({
      delimiter: delimiterOf(text),
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      max_record_size: limit,
    }),
  );
  let names: string[] | undefined;
  const paragraphs: string[] = [];
  let length = 0;
  try {
    for await (const record of records as AsyncIterable<string[]>) {
      if (names === undefined) {
        names = record.map(oneLine);
        continue;
      }
      const paragraph = paragraphOf(names, record);
      if ((length += paragraph.length + 2) > limit) throw tooManyCharacters(limit);
      paragraphs.push(paragraph);
    }
  } catch (error) {
    throw error instanceof CsvError ? broken(error) : error;
  }
  return paragraphs.join('\n\n');
}

function* piecesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; start += PIECE) yield text.slice(start, start + PIECE);
}

function paragraphOf(names: readonly string[], record: readonly string[]): string {
  const lines: string[] = [];
  for (const [column, value] of record.entries()) {
    const line = oneLine(value);
    if (line !== '') lines.push(`${names[column] || `Column ${column + 1}`}: ${line}`);
  }
  return lines.join('\n');
}

/** A value of several lines is one, or its lines would read as other columns. */
function oneLine(value: string): string {
  return value.replace(/\s+/g, ' ').trim();
}

/** The one that parts the first line that has any into most, outside quotation marks. */
function delimiterOf(text: string): string {
  const line = text
    .slice(0, SAMPLE)
    .replace(/"[^"]*"/g, '')
    .trimStart()
    .split('\n', 1)[0]!;
  const counts = DELIMITERS.map(delimiter => line.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

function broken(error: CsvError): ExtractionError {
  if (error.code === 'CSV_MAX_RECORD_SIZE')
    return new ExtractionError('TOO_LARGE', 'The CSV file has a record that is too large.');
  const line = typeof error.lines === 'number' ? ` at line ${error.lines}` : '';
  return new ExtractionError(
    'CORRUPT',
    `The CSV file cannot be read${line}: a quotation mark that opens a value is never closed, or ` +
      'stands inside one. Correct it and send the file again.',
    { cause: error },
  );
}
