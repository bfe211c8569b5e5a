interface Listener<T> {
  onValue(value: T): void;
  onError(error: unknown): void;
}

/**
 * A value that many wait for, such as the pages that one statement brings for all parents of a
 * level. Whoever listens is told when it comes, in the same turn as all others, where promises
 * would take a turn for each. To all who do not know it, it is a promise.
 */
export class Deferred<T> implements PromiseLike<T> {
  #listeners: Listener<T>[] = [];
  #outcome: { readonly value: T } | { readonly error: unknown } | undefined;

  resolve(value: T): void {
    this.#outcome = { value };
    for (const listener of this.#takeListeners()) listener.onValue(value);
  }

  reject(error: unknown): void {
    this.#outcome = { error };
    for (const listener of this.#takeListeners()) listener.onError(error);
  }

  /** Tells when the value comes, never before this returns. Neither function may throw. */
  listen(onValue: (value: T) => void, onError: (error: unknown) => void): void {
    const outcome = this.#outcome;
    if (!outcome) this.#listeners.push({ onValue, onError });
    else
      queueMicrotask(() => ('value' in outcome ? onValue(outcome.value) : onError(outcome.error)));
  }

  // graphql-js, and whoever awaits it, shall take it for a promise.
  // oxlint-disable-next-line unicorn/no-thenable -- it stands for a promise
  then<R = T, E = never>(
    onValue?: ((value: T) => R | PromiseLike<R>) | null,
    onError?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Promise<R | E> {
    return new Promise<T>((resolve, reject) => this.listen(resolve, reject)).then(onValue, onError);
  }

  #takeListeners(): Listener<T>[] {
    const listeners = this.#listeners;
    this.#listeners = [];
    return listeners;
  }
}
