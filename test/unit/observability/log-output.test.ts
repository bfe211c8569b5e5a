import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LogOutput } from '../../../src/observability/logger.js';

const ERROR = 50;
let folder: string;
let pipe: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-log-'));
  pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const openReader = (): number => openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
const openWriter = (): number => openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);

/** All that is in the pipe. */
function readAll(reader: number): string {
  const buffer = Buffer.alloc(65_536);
  let text = '';
  try {
    for (let read = readSync(reader, buffer); read > 0; read = readSync(reader, buffer))
      text += buffer.toString('latin1', 0, read);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
  return text;
}

function outputAt(descriptor: number): LogOutput {
  const output = new LogOutput(descriptor);
  // Errors are written at once.
  output.lastLevel = ERROR;
  return output;
}
const line = (n: number, text = ''): string => `${JSON.stringify({ n, text })}\n`;
const entriesIn = (text: string): any[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map(entry => JSON.parse(entry));

describe('the output of the log', () => {
  test('goes on when its reader has gone, and tells the next one how much is missing', () => {
    const first = openReader();
    const writer = openWriter();
    const output = outputAt(writer);
    output.write(line(1));
    expect(entriesIn(readAll(first))).toMatchObject([{ n: 1 }]);
    closeSync(first);
    for (const n of [2, 3, 4]) output.write(line(n));
    const second = openReader();
    output.write(line(5));
    expect(entriesIn(readAll(second))).toMatchObject([{ level: 40, lost: 3 }, { n: 5 }]);
    closeSync(second);
    closeSync(writer);
  });

  test('goes on without its reader, keeps what it can in order, and counts the rest', async () => {
    const reader = openReader();
    const writer = openWriter();
    const output = outputAt(writer);
    const sent = 2_000;
    for (let n = 1; n <= sent; n += 1) output.write(line(n, 'ä'.repeat(1_000)));
    let text = '';
    const entries = (): any[] => entriesIn(text.slice(0, text.lastIndexOf('\n')));
    const numbers = (): number[] =>
      entries().flatMap(({ n }) => (n === undefined ? [] : [n as number]));
    const told = (): number => entries().find(({ lost }) => lost)?.lost ?? 0;
    await expect
      .poll(() => ((text += readAll(reader)), numbers().length + told()), {
        timeout: 10_000,
        interval: 10,
      })
      .toBe(sent);
    expect(told()).toBeGreaterThan(0);
    expect(numbers()).toEqual(Array.from({ length: numbers().length }, (_, index) => index + 1));
    closeSync(reader);
    closeSync(writer);
  });

  test('goes on when the disk is full', () => {
    const full = openSync('/dev/full', 'w');
    const output = outputAt(full);
    for (let n = 1; n <= 100; n += 1) output.write(line(n));
    closeSync(full);
  });
});
