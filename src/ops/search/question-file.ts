import { readFileSync } from 'node:fs';
import { StartupError } from '../../base/startup-error.js';

/** A question, and what answers it: any of the documents or chunks is right. */
export interface EvaluationQuestion {
  readonly text: string;
  /** Names or ids of documents. */
  readonly documents: readonly string[];
  readonly chunks: readonly string[];
}

const MAX_QUESTIONS = 10_000;
const MAX_TEXT = 8_000;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const FORM =
  'Each question is an object such as { "question": "How long do refunds take?", "documents": ' +
  '["returns-and-refunds.md"] }.';

/** Reads a file of questions. Throws a `StartupError` that names the place of what is wrong. */
export function readQuestionFile(file: string): EvaluationQuestion[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new StartupError(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  return parseQuestions(file, text);
}

function parseQuestions(file: string, text: string): EvaluationQuestion[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const line = linesOfItems(text).at(-1) ?? 1;
    throw new StartupError(
      `${file} is not valid JSON, in or after line ${line}: ${message.replace(/\s+/g, ' ')}.`,
      { cause: error },
    );
  }
  if (!Array.isArray(value))
    throw new StartupError(`${file} must contain a JSON array of questions. ${FORM}`);
  if (value.length === 0 || value.length > MAX_QUESTIONS)
    throw new StartupError(
      `${file} must contain 1 to ${MAX_QUESTIONS} questions; it contains ${value.length}.`,
    );
  const lines = linesOfItems(text);
  return value.map((item: unknown, index) => {
    const fail = (field: string, message: string): StartupError => {
      const line = lines[index] === undefined ? '' : ` (line ${lines[index]})`;
      return new StartupError(`${file}: [${index}]${field}${line} ${message}`);
    };
    return questionOf(item, fail);
  });
}

type Fail = (field: string, message: string) => StartupError;

function questionOf(item: unknown, fail: Fail): EvaluationQuestion {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw fail('', `must be an object. ${FORM}`);
  const { question, documents, chunks, ...others } = item as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw fail(`.${unknown}`, 'is not known. The fields are question, documents and chunks.');
  if (typeof question !== 'string' || question.trim() === '')
    throw fail('.question', 'must be a text that is not blank.');
  if (question.length > MAX_TEXT)
    throw fail('.question', `has ${question.length} characters; the limit is ${MAX_TEXT}.`);
  const found = {
    text: question,
    documents: namesOf('documents', documents, fail),
    chunks: namesOf('chunks', chunks, fail),
  };
  for (const [index, id] of found.chunks.entries())
    if (!UUID.test(id)) throw fail(`.chunks[${index}]`, "must be a chunk's id, which is a UUID.");
  if (found.documents.length + found.chunks.length === 0)
    throw fail('', 'names nothing that answers the question: set documents or chunks.');
  return found;
}

function namesOf(field: string, value: unknown, fail: Fail): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw fail(`.${field}`, 'must be a list of texts.');
  return value.map((name: unknown, index) => {
    if (typeof name !== 'string' || name === '')
      throw fail(`.${field}[${index}]`, 'must be a text that is not empty.');
    return name;
  });
}

/** In which line each item of the outermost array of valid JSON begins. */
function linesOfItems(text: string): number[] {
  const lines: number[] = [];
  let line = 1;
  let depth = 0;
  let isItemNext = false;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},\n]|[^\s"[\]{},]+/g)) {
    if (token === '\n') line += 1;
    else {
      if (depth === 1 && isItemNext && token !== ']') {
        lines.push(line);
        isItemNext = false;
      }
      if (token === '[' || token === '{') depth += 1;
      if (token === ']' || token === '}') depth -= 1;
      if (depth === 1 && (token === ',' || (token === '[' && lines.length === 0)))
        isItemNext = true;
    }
  }
  return lines;
}
