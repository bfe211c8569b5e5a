// For `node --import`: on SIGUSR2, writes to LOOP_WATCH_FILE how many milliseconds the event loop
// was held at most since the last time.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on('SIGUSR2', () => {
  writeFileSync(process.env.LOOP_WATCH_FILE, String(Math.round(delay.max / 1e6)));
  delay.reset();
});
