import { reasonWithoutValues } from '../connection-errors.js';
import { StartupError } from '../../base/startup-error.js';

/** A restore that failed or was interrupted, and did not leave everything as it was. */
export class RestoreLeftover extends StartupError {
  constructor(
    /** What is there now and what to do, as the end of a sentence. */
    readonly left: string,
    cause: unknown,
  ) {
    super(`${reasonWithoutValues(cause)}. The restore failed: ${left}.`, { cause });
  }
}
