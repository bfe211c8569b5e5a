import 'reflect-metadata';
import { Command } from 'commander';
import { ranksOf, storeSet, WAYS } from './ask.js';
import { debianFaq } from './debian-faq.js';
import { demoQuestions } from './demo-questions.js';
import { openGateway } from './gateway.js';
import { languageQuestions } from './language-questions.js';
import { fastifyManual } from './manual.js';
import { ownWords } from './own-words.js';
import { measuresOf } from './measures.js';
import type { QuestionSet } from './question-set.js';
import { compare, printed, readTable, writeTable, type SetResult } from './report.js';

interface Options {
  databaseUrl?: string;
  sets?: string;
  write: boolean;
}

export function retrievalCommand(): Command {
  return new Command('retrieval')
    .description(
      `Measures how often the passage that answers a question is among the first hits: hit@1,
hit@3, hit@10 and the mean reciprocal rank of each mode, with the built-in embedder, beside BM25
that was made outside. Even questions of a set are for tuning, odd ones are held out. Fails where a
number of the held-out half is more than 0.02 below that in docs/search.md.

Downloads the Debian FAQ with apt-get into a temporary folder. Runs the gateway in this process, on
an embedded database; with --database-url on the database weaver_bench_retrieval of that server,
which it makes and drops.`,
    )
    .option('--database-url <url>', 'a superuser of a PostgreSQL with pgvector')
    .option('--sets <text>', 'only sets whose name contains this')
    .option('--write', 'put the result into docs/search.md', false)
    .action((options: Options) => benchRetrieval(options));
}

const log = (line: string): void => void process.stderr.write(`${line}\n`);

async function benchRetrieval({ databaseUrl, sets: wanted, write }: Options): Promise<void> {
  const sets = [...demoQuestions(), ...debianFaq(), fastifyManual(), ...languageQuestions()].filter(
    ({ name }) => wanted === undefined || name.includes(wanted),
  );
  const gateway = await openGateway(databaseUrl);
  try {
    const results: SetResult[] = [];
    for (const set of sets) results.push(await measureSet(gateway.operator, set));
    console.log(printed(results));
    if (write) writeTable(results);
    const worse = compare(results, readTable());
    for (const line of worse) log(line);
    if (worse.length > 0) process.exitCode = 1;
  } finally {
    await gateway.close();
  }
}

async function measureSet(
  operator: Parameters<typeof storeSet>[0],
  set: QuestionSet,
): Promise<SetResult> {
  const stored = await storeSet(operator, set);
  log(`${set.name}: ${stored.chunks.length} chunks, ${set.questions.length} questions`);
  const ways = [];
  for (const way of WAYS) {
    const ranks = await ranksOf(operator, stored, way);
    ways.push({
      way,
      tuning: measuresOf(ranks.filter((_, index) => index % 2 === 0)),
      heldOut: measuresOf(ranks.filter((_, index) => index % 2 === 1)),
    });
  }
  const { pairs, found, missed } = await ownWords(operator, stored);
  log(`  KEYWORD finds ${found} of ${pairs} pairs of a chunk and a word of four letters in it`);
  if (missed.length > 0) log(`  not by ${missed.join(', ')}`);
  return { name: set.name, chunks: stored.chunks.length, ways };
}
