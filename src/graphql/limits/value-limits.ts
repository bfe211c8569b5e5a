import { badInput, type AppError } from '../../base/app-error.js';

/**
 * How deep objects and lists in variables may be nested: far beyond what any input takes, far below
 * what a stack does.
 */
const MAX_DEPTH = 100;

/** Members of one object: more than any object that can be stored has room for. */
const MAX_MEMBERS = 10_000;

/**
 * PostgreSQL cannot hold NUL in a text, nor half of a surrogate pair: refused here, by name, before
 * any of it gets there.
 */
export function textProblem(value: string, path: string): AppError | undefined {
  if (value.includes('\0'))
    return badInput(
      path,
      `${path} contains a NUL character (U+0000), which is not allowed in texts.`,
    );
  return value.isWellFormed()
    ? undefined
    : badInput(path, `${path} contains half of a surrogate pair, which is not valid Unicode.`);
}

export function listProblem(length: number, path: string, maxItems: number): AppError | undefined {
  return length > maxItems
    ? badInput(path, `${path} has ${length} items; the limit for any list is ${maxItems}.`)
    : undefined;
}

/**
 * Why an operation cannot take these variables, whatever its types: texts that no database holds,
 * lists too long, nesting too deep.
 */
export function valueProblem(
  value: unknown,
  path: string,
  maxItems: number,
  depth = 0,
): AppError | undefined {
  if (typeof value === 'string') return textProblem(value, path);
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > MAX_DEPTH)
    return badInput('variables', `The variables are nested deeper than ${MAX_DEPTH} levels.`);
  if (Array.isArray(value)) {
    const lengthProblem = listProblem(value.length, path, maxItems);
    // Vectors are long and hold no text.
    if (lengthProblem || value.every(item => typeof item === 'number')) return lengthProblem;
    for (let index = 0; index < value.length; index += 1) {
      const problem = valueProblem(value[index], `${path}[${index}]`, maxItems, depth + 1);
      if (problem) return problem;
    }
    return undefined;
  }
  const keys = Object.keys(value);
  if (keys.length > MAX_MEMBERS)
    return badInput(
      path,
      `${path} has ${keys.length} members; the limit for any object is ${MAX_MEMBERS}.`,
    );
  for (const key of keys) {
    const problem =
      textProblem(key, path) ??
      valueProblem((value as Record<string, unknown>)[key], `${path}.${key}`, maxItems, depth + 1);
    if (problem) return problem;
  }
  return undefined;
}
