/**
 * Signals that come this soon behind the first are the same one: Ctrl+C reaches every process of a
 * terminal, and npm, timeout and service managers send on to their child what it gets already.
 */
const SAME_SIGNAL_MS = 1_000;

/**
 * Calls `first` for the first of these signals. A later one ends the process as ever. Gives what
 * ends the listening.
 */
export function onFirstSignal<S extends NodeJS.Signals>(
  signals: readonly S[],
  first: (signal: S) => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const listeners = signals.map(name => ({ name, listener: () => hear(name) }));
  const stop = (): void => {
    clearTimeout(timer);
    for (const { name, listener } of listeners) process.off(name, listener);
  };
  const hear = (name: S): void => {
    if (timer) return;
    timer = setTimeout(stop, SAME_SIGNAL_MS).unref();
    first(name);
  };
  for (const { name, listener } of listeners) process.on(name, listener);
  return stop;
}
