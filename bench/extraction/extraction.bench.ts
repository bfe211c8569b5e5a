import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Command } from 'commander';
import type { ExtractedText } from '../../src/extraction/read-file.js';
import { createLogger } from '../../src/observability/logger.js';
import { debianBooks } from '../../test/support/debian-books.js';
import { EXTRACTION_LIMITS } from '../../test/support/extraction-limits.js';
import {
  docxOf,
  drawLine,
  drawnPdf,
  endlessPdf,
  inflatingPdf,
  paragraph,
} from '../../test/support/file-makers.js';
import { wordRecall } from '../../test/support/word-recall.js';

/** The goal: others must not notice. */
const MOST_P99_MS = 50;
/** Between two requests beside the files. */
const PAUSE_MS = 5;

type Extract = (bytes: Uint8Array, filename: string) => Promise<ExtractedText>;

interface BenchFile {
  readonly name: string;
  readonly filename: string;
  readonly bytes: Buffer;
  /** What the text must have. */
  readonly words?: string;
}

export function extractionCommand(): Command {
  return new Command('extraction')
    .description(
      `Measures how long the text of files takes, Debian's books and hostile ones, how much of the
books' text is found, and how long the event loop of the gateway's process stands still
meanwhile. Downloads the books with apt-get. Build first: npm run build.`,
    )
    .action(() => benchExtraction(line => console.log(line)));
}

async function benchExtraction(print: (line: string) => void): Promise<void> {
  // As built: from the sources, threads would compile them.
  const built = new URL('../../dist/src/extraction/text-extractor.js', import.meta.url).href;
  const { textExtractor } = (await import(
    built
  )) as typeof import('../../src/extraction/text-extractor.js');
  const read = textExtractor(EXTRACTION_LIMITS);
  const log = createLogger('silent');
  const extractText = (bytes: Uint8Array, filename: string) => read(bytes, { filename, log });
  const server = createServer((_, response) => response.end('{}'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  print(
    'file                                      kB     ms  ' +
      'request p99/max  loop p99/max ms  most CPU  +RSS MB  result',
  );
  try {
    for (const file of files()) print(await measure(extractText, file, url));
  } finally {
    server.close();
  }
  print(`The goal is a p99 below ${MOST_P99_MS} ms.`);
}

async function measure(extractText: Extract, file: BenchFile, url: string): Promise<string> {
  const { name, filename, bytes, words } = file;
  const loop = monitorEventLoopDelay({ resolution: 1 });
  const end = new AbortController();
  const rssBefore = process.memoryUsage.rss();
  let rss = rssBefore;
  const waits: number[] = [];
  const watch = (async () => {
    while (!end.signal.aborted) {
      const sent = performance.now();
      await requestOf(url);
      waits.push(performance.now() - sent);
      rss = Math.max(rss, process.memoryUsage.rss());
      await new Promise(resolve => void setTimeout(resolve, PAUSE_MS));
    }
  })();
  const mostCpu = watchTurns(end.signal);
  loop.enable();
  const started = performance.now();
  const answer = await extractText(bytes, filename).catch((error: unknown) => error);
  const took = performance.now() - started;
  loop.disable();
  end.abort();
  await watch;
  waits.sort((a, b) => a - b);
  return [
    name.padEnd(38),
    String(Math.round(bytes.length / 1_000)).padStart(6),
    String(Math.round(took)).padStart(6),
    timesText(waits[Math.floor(waits.length * 0.99)]!, waits.at(-1)!),
    timesText(loop.percentile(99) / 1e6, loop.max / 1e6),
    mostCpu().toFixed(1).padStart(9),
    String(Math.round((rss - rssBefore) / 2 ** 20)).padStart(7),
    ` ${resultText(answer, words)}`,
  ].join(' ');
}

/**
 * The most time of the processor that this thread has taken between two turns of its loop, in
 * milliseconds: what others wait for it, also where a busy machine makes all of them wait.
 */
function watchTurns(end: AbortSignal): () => number {
  let last = process.threadCpuUsage();
  let most = 0;
  const turn = (): void => {
    const now = process.threadCpuUsage();
    most = Math.max(most, (now.user + now.system - last.user - last.system) / 1_000);
    last = now;
    if (!end.aborted) setTimeout(turn, 1);
  };
  turn();
  return () => most;
}

async function requestOf(url: string): Promise<void> {
  const [response] = (await once(get(url), 'response')) as [NodeJS.ReadableStream];
  response.resume();
  await once(response, 'end');
}

function timesText(p99: number, most: number): string {
  return `${p99.toFixed(1)} / ${most.toFixed(1)}`.padStart(16);
}

function resultText(answer: unknown, words: string | undefined): string {
  if (answer instanceof Error) return (answer as Error & { code?: string }).code ?? answer.message;
  const { text } = answer as { text: string };
  const recall = words === undefined ? '' : `, word recall ${wordRecall(words, text).toFixed(4)}`;
  return `${text.length} characters${recall}`;
}

function* files(): Generator<BenchFile> {
  for (const { name, pdf, txt } of debianBooks() ?? [])
    yield { name, filename: `${name}.pdf`, bytes: pdf, words: txt };
  const line = `${paragraph('All about belts, shoes and bags.')}\n`;
  const pages = Array.from({ length: 2_000 }, (_, page) =>
    Array.from({ length: 40 }, (_line, at) => drawLine(`Line ${at} of page ${page}`)).join('\n'),
  );
  yield { name: 'PDF of 2,000 pages', filename: 'a.pdf', bytes: drawnPdf(pages) };
  yield { name: 'PDF that inflates to 20 MB', filename: 'a.pdf', bytes: inflatingPdf(20e6) };
  yield { name: 'PDF that inflates to 60 MB', filename: 'a.pdf', bytes: inflatingPdf(60e6) };
  yield { name: 'PDF that inflates to 1 GB', filename: 'a.pdf', bytes: inflatingPdf(1e9) };
  yield { name: 'PDF of forms within forms', filename: 'a.pdf', bytes: endlessPdf() };
  yield {
    name: 'DOCX with 50 MB of XML, packed 400 times',
    filename: 'a.docx',
    bytes: docxOf(paragraph('x'.repeat(50e6))),
  };
  yield {
    name: 'DOCX with 20 MB of paragraphs',
    filename: 'a.docx',
    bytes: docxOf(varied(line, 20e6)),
  };
  yield {
    name: 'DOCX with 80 MB of paragraphs',
    filename: 'a.docx',
    bytes: docxOf(varied(line, 80e6)),
  };
  yield {
    name: 'HTML of 19 MB',
    filename: 'a.html',
    bytes: Buffer.alloc(19e6, '<p>All about belts</p>\n'),
  };
  yield {
    name: 'HTML of 40 MB of nested elements',
    filename: 'a.html',
    bytes: Buffer.from(`<html>${'<b>'.repeat(13e6)}`),
  };
  yield {
    name: 'HTML of 40 MB of tables',
    filename: 'a.html',
    bytes: Buffer.alloc(40e6, '<table><tr><td>a<td>b<tr><td>c<td>d</table>'),
  };
  yield { name: 'CSV of 19 MB', filename: 'a.csv', bytes: Buffer.alloc(19e6, 'belt,5,brown\n') };
  yield { name: 'CSV of 50 MB of commas', filename: 'a.csv', bytes: Buffer.alloc(50e6, ',') };
  yield {
    name: 'text of 19 MB',
    filename: 'a.txt',
    bytes: Buffer.alloc(19e6, 'All about belts.\n'),
  };
  yield {
    name: 'text of 19 MB in UTF-16',
    filename: 'a.txt',
    bytes: Buffer.alloc(19e6, Buffer.from('Ж belts.\n', 'utf16le')),
  };
}

/** Numbers keep it from being packed more than a hundred times. */
function varied(line: string, length: number): string {
  const lines = Array.from({ length: Math.round(length / line.length) }, (_, at) =>
    line.replace('bags', `bags ${(at * 7_919) % 1_000_003} and ${(at * 104_729) % 999_983}`),
  );
  return lines.join('');
}
