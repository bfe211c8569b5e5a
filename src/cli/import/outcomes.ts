import type { CommandIo } from '../command-io.js';
import type { FolderContent } from './folder-files.js';

/** What became of a file, or would become of it. */
export type FileOutcome = { readonly file: string } & (
  | {
      readonly outcome: 'created' | 'revised' | 'unchanged' | 'unfinished';
      readonly documentId: string | null;
    }
  | {
      readonly outcome: 'refused';
      readonly documentId: string | null;
      readonly code: string;
      readonly message: string;
    }
);

type Refused = FileOutcome & { readonly outcome: 'refused' };

export interface ReportOptions {
  readonly json: boolean;
  readonly dryRun: boolean;
  /** Says of each file that was not there before what became of it. */
  readonly each: boolean;
}

/** Tells what becomes of the files of a folder: of each, and of all of them in the end. */
export class Report {
  readonly #counts = { created: 0, revised: 0, unchanged: 0, unfinished: 0, refused: 0 };
  #refused: Refused[] = [];

  constructor(
    private readonly io: CommandIo,
    private readonly options: ReportOptions,
  ) {}

  get hasRefused(): boolean {
    return this.#counts.refused > 0;
  }

  /** Files of which something became. */
  get total(): number {
    const { created, revised, unchanged, unfinished, refused } = this.#counts;
    return created + revised + unchanged + unfinished + refused;
  }

  add(file: FileOutcome): void {
    this.#counts[file.outcome] += 1;
    const { json, each } = this.options;
    if (json) this.io.out(JSON.stringify(file));
    else if (each && file.outcome === 'refused')
      this.io.out('refused', file.file, file.code, file.message);
    else if (each && file.outcome !== 'unchanged') this.io.out(file.outcome, file.file);
    if (file.outcome === 'refused' && !each) this.#refused.push(file);
  }

  /** The counts, what was left out, and the refusals by their codes. */
  summarize({ hidden, links, others }: Omit<FolderContent, 'files'>): void {
    const { io, options } = this;
    if (options.json) {
      const { dryRun } = options;
      io.out(JSON.stringify({ summary: { dryRun, ...this.#counts, hidden, links, others } }));
      return;
    }
    io.out(this.#sentence());
    const left = [
      hidden > 0 && counted(hidden, 'hidden file or folder', 'hidden files or folders'),
      links > 0 && counted(links, 'symbolic link'),
      others > 0 && counted(others, 'pipe, socket or device', 'pipes, sockets or devices'),
    ].filter(part => part !== false);
    if (left.length > 0) io.out(`Left out: ${left.join(', ')}.`);
    const byCode = Map.groupBy(this.#refused, ({ code }) => code);
    for (const code of [...byCode.keys()].toSorted()) {
      const refused = byCode.get(code)!;
      io.out(`${code}: ${counted(refused.length, 'file')}`);
      for (const { file, message } of refused) io.out(`  ${file}: ${message}`);
    }
    this.#refused = [];
  }

  #sentence(): string {
    const { created, revised, unchanged, unfinished, refused } = this.#counts;
    const would = this.options.dryRun;
    const parts = [
      `${would ? 'Would create' : 'Created'} ${counted(created, 'document')}`,
      `${would ? 'give' : 'gave'} ${counted(revised, 'document')} a new revision`,
      `${would ? 'leave' : 'left'} ${unchanged} as ${unchanged === 1 ? 'it is' : 'they are'}`,
      ...(would ? [`go on with ${counted(unfinished, 'file')} of an earlier run`] : []),
      `${would ? 'refuse' : 'refused'} ${counted(refused, 'file')}`,
    ];
    return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)!}.`;
  }
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
