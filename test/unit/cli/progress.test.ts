import { describe, expect, test } from 'vitest';
import type { CommandIo } from '../../../src/cli/command-io.js';
import { Progress } from '../../../src/cli/progress.js';

function recording(terminal: boolean): {
  io: Pick<CommandIo, 'say' | 'show'>;
  said: string[];
  shown: string[];
} {
  const said: string[] = [];
  const shown: string[] = [];
  const io: Pick<CommandIo, 'say' | 'show'> = {
    say: line => void said.push(line),
    ...(terminal && { show: line => void shown.push(line) }),
  };
  return { io, said, shown };
}

describe('progress', () => {
  test('in a log is a plain line now and then, and none for short work', () => {
    let now = 0;
    const { io, said } = recording(false);
    const progress = new Progress(io, 'Copying', { total: 200, unit: 'rows', now: () => now });
    for (now of [1_000, 4_999, 5_000, 6_000, 10_000]) progress.update(now / 50, 'docs');
    progress.end();
    expect(said).toEqual([
      'Copying  100 of 200 rows (50 %)  docs  5 s',
      'Copying  200 of 200 rows (100 %)  docs  10 s',
    ]);
  });

  test('in a log is repeated every thirty seconds where the work says nothing of itself', () => {
    let now = 0;
    const { io, said } = recording(false);
    const progress = new Progress(io, 'Dumping', { now: () => now });
    progress.update(undefined, 'docs');
    for (now = 1_000; now <= 65_000; now += 1_000) progress.tick();
    progress.end();
    expect(said).toEqual(['Dumping  docs  30 s', 'Dumping  docs  60 s']);
  });

  test('in a terminal is one line that changes and goes', () => {
    let now = 0;
    const { io, said, shown } = recording(true);
    const progress = new Progress(io, 'Copying', { now: () => now });
    now = 2_000;
    progress.update(7);
    progress.end();
    expect({ said, shown }).toEqual({ said: [], shown: ['Copying …', 'Copying  7  2 s', ''] });
  });
});
