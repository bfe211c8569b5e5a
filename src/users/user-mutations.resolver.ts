import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { DeletionPayload } from '../graphql/deletion.js';
import { InputArg } from '../graphql/input-arg.js';
import { payloadRow } from '../graphql/row-by-id.js';
import {
  CreateUserInput,
  CreateUserPayload,
  DeleteUserInput,
  UpdateUserInput,
  UpdateUserPayload,
} from './user-mutations.inputs.js';
import { User } from './user.entity.js';
import { createUser, deleteUser, updateUser } from './user.service.js';

@Resolver()
export class UserMutationsResolver {
  @Requires('admin')
  @Mutation(() => CreateUserPayload, { nullable: true, description: 'Adds a user to a tenant.' })
  async createUser(
    @InputArg(() => CreateUserInput) input: CreateUserInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CreateUserPayload> {
    const made = await createUser(context, context.caller, input);
    return { user: await payloadRow(context, info, 'user', User, made) };
  }

  @Requires('admin')
  @Mutation(() => UpdateUserPayload, { nullable: true, description: 'Changes a user.' })
  async updateUser(
    @InputArg(() => UpdateUserInput) input: UpdateUserInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UpdateUserPayload> {
    const changed = await updateUser(context, context.caller, input);
    return { user: await payloadRow(context, info, 'user', User, changed) };
  }

  @Requires('admin')
  @Mutation(() => DeletionPayload, {
    nullable: true,
    description: 'Removes a user. The last owner of a tenant cannot be removed.',
  })
  deleteUser(
    @InputArg(() => DeleteUserInput) input: DeleteUserInput,
    @Ctx() context: RequestContext,
  ): Promise<DeletionPayload> {
    return deleteUser(context, context.caller, input);
  }
}
