import { Field, Float, ID, InputType, Int } from 'type-graphql';
import { JSONObjectScalar, VectorScalar } from '../graphql/scalars.js';
import { SearchMode } from './search.types.js';

@InputType({ description: 'What to search for, and where. All conditions must hold.' })
export class SearchChunksInput {
  @Field(() => String, { nullable: true, description: 'A text that the gateway embeds, at most 8,000 characters. Give this or `embedding`.' })
  text?: string | null;

  @Field(() => VectorScalar, {
    nullable: true,
    description: "A vector made elsewhere by the gateway's model, as long as the model makes it or 1536 numbers. Its magnitude does not matter. Give this or `text`.",
  })
  embedding?: number[] | null;

  @Field(() => SearchMode, { defaultValue: SearchMode.VECTOR, description: 'What to compare.' })
  mode!: SearchMode;

  @Field(() => Int, { defaultValue: 10, description: 'How many hits to find, 1 to 100.' })
  topK!: number;

  @Field(() => Float, { nullable: true, description: 'Only hits whose `similarity`, as it is shown, is this or greater; -1 to 1.' })
  minSimilarity?: number | null;

  @Field(() => ID, { nullable: true, description: 'Only chunks of this bot. A bot that is not there for you has none.' })
  botId?: string | null;

  @Field(() => [ID], { nullable: true, description: 'Only chunks of these documents, at most 100. Documents that are not there for you have none.' })
  documentIds?: string[] | null;

  @Field(() => JSONObjectScalar, {
    nullable: true,
    description: 'Only chunks whose `metadata` has at least these members, with these values. https://www.postgresql.org/docs/current/datatype-json.html#JSON-CONTAINMENT',
  })
  metadata?: Record<string, unknown> | null;

  @Field(() => ID, { nullable: true, description: 'Whose chunks. An operator must name the tenant; everyone else has only their own.' })
  tenantId?: string | null;
}
