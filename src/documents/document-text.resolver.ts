import { Arg, Ctx, FieldResolver, Int, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { revisionOf, textOf, textRange } from './document-text.loaders.js';
import { Document } from './document.entity.js';

/** Adds `Document.revision` and `text`. */
@Resolver(() => Document)
export class DocumentTextResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => Int, {
    nullable: true,
    description:
      'The number of its text: 1, and one more each time that it was replaced. Null if Weaver ' +
      'has no text of it.',
  })
  revision(
    @Root() documents: readonly Parent[],
    @Ctx() context: RequestContext,
  ): Promise<(number | null | Error)[]> {
    return revisionOf(context).loadMany(documents);
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => String, {
    nullable: true,
    description:
      'Its text from the character `start` up to and without `end`, both counted from 0 in code ' +
      'points. Null if Weaver has no text of it.',
  })
  text(
    @Root() documents: readonly Parent[],
    @Arg('start', () => Int, { defaultValue: 0, description: 'The first character, from 0.' })
    start: number,
    @Arg('end', () => Int, {
      nullable: true,
      description:
        'The character after the last one, at most 100,000 after `start`; 10,000 after it if ' +
        'omitted.',
    })
    end: number | null,
    @Ctx() context: RequestContext,
  ): Promise<(string | null | Error)[]> {
    const range = textRange(start, end);
    return textOf(context).loadMany(documents.map(document => ({ ...document, range })));
  }
}
