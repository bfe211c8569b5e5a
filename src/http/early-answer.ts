import type { Principal } from '../auth/principal.js';
import type { RequestContext } from '../graphql/context.js';
import type {
  OperationAnswer,
  OperationParameters,
} from '../graphql/operation/answer-operation.js';
import type { Operations } from '../graphql/operation/operations.js';
import type { PreparedDocument } from '../graphql/operation/prepared-document.js';
import type { HttpCaller } from './caller.js';

/**
 * The answer to queries that began as a guessed caller, so that their first statement is sent with
 * the look-up of the token. They get no further until somebody says that the guess was right.
 */
export interface EarlyAnswer {
  readonly principal: Principal;
  readonly context: RequestContext;
  /** The look-up has found this very principal: goes on. */
  confirm(): Promise<OperationAnswer>;
  /** Gives back what the operation holds. Nobody hears of one that was not confirmed. */
  end(): void;
}

/** undefined where the caller would have to wait for a slot. */
export function answerEarly(
  guess: HttpCaller,
  contextOf: (caller: HttpCaller) => RequestContext,
  operations: Operations,
  document: PreparedDocument,
  parameters: OperationParameters,
): EarlyAnswer | undefined {
  const confirmation = Promise.withResolvers<void>();
  const context = contextOf({ ...guess, confirmed: confirmation.promise });
  if (!context.slot.acquireNow()) return undefined;
  let isConfirmed = false;
  const answer = operations.answer(document, parameters, context);
  answer.catch(() => {});
  return {
    principal: guess.principal,
    context,
    confirm() {
      isConfirmed = true;
      confirmation.resolve();
      return answer;
    },
    end() {
      context.slot.release();
      if (isConfirmed) return;
      context.rows.release();
      context.bytes.release();
    },
  };
}
