import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Bot } from '../bots/bot.entity.js';
import { Batch } from '../graphql/batch.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import type { Document } from './document.entity.js';
import { DocumentListArgs } from './document.inputs.js';
import { DocumentConnection, documentsOfBot } from './document.lists.js';

/** Adds `Bot.documents`; the bots feature does not know that documents exist. */
@Resolver(() => Bot)
export class BotDocumentsResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => DocumentConnection, {
    description: 'The documents that the bot answers from.',
  })
  documents(
    @Root() parents: readonly Parent[],
    @Args(() => DocumentListArgs) args: DocumentListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Document>[]> {
    return documentsOfBot.pages(context, info, args, parents);
  }
}
