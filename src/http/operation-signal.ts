import type { FastifyReply } from 'fastify';
import { CALLER_GONE, outOfTime } from '../graphql/operation-time.js';

/** Aborted when the connection closes before its answer is sent, or after so many milliseconds. */
export function operationSignal({ raw }: FastifyReply, ms: number): AbortSignal {
  const controller = new AbortController();
  if (raw.destroyed) {
    controller.abort(CALLER_GONE);
    return controller.signal;
  }
  const timer = setTimeout(() => controller.abort(outOfTime(ms)), ms);
  raw.once('close', () => {
    clearTimeout(timer);
    if (!raw.writableFinished) controller.abort(CALLER_GONE);
  });
  return controller.signal;
}
