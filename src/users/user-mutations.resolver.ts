import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { v7 } from 'uuid';
import { actorOf, recordAudit } from '../audit/record-audit.js';
import { lacking, permissionsOfRole } from '../auth/permissions.js';
import type { UserRole } from '../auth/principal.js';
import { Requires } from '../auth/requires.js';
import { AppError, badInput } from '../base/app-error.js';
import type { RequestContext } from '../graphql/context.js';
import { DeletionPayload } from '../graphql/deletion.js';
import { InputArg } from '../graphql/input-arg.js';
import { changeInput, namedChanges, tenantInput, lineInput } from '../graphql/input-checks.js';
import { lockedRow } from '../graphql/locked-row.js';
import { mutate } from '../graphql/mutation.js';
import { writtenRow, type Written } from '../graphql/row-by-id.js';
import { uuidInput } from '../graphql/uuid-input.js';
import {
  CreateUserInput,
  CreateUserPayload,
  DeleteUserInput,
  MAX_EMAIL_LENGTH,
  UpdateUserInput,
  UpdateUserPayload,
} from './user-mutations.inputs.js';
import { User } from './user.entity.js';

type Member = { email: string; role: UserRole };

@Resolver()
export class UserMutationsResolver {
  @Requires('admin')
  @Mutation(() => CreateUserPayload, { nullable: true, description: 'Adds a user to a tenant.' })
  async createUser(
    @InputArg(() => CreateUserInput) input: CreateUserInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CreateUserPayload> {
    const tenantId = tenantInput(context, input.tenantId);
    const id = input.id == null ? v7() : uuidInput('input.id', input.id);
    const { role } = input;
    const email = emailInput(input.email);
    refuseToGiveMore(context, role, 'input.role');
    const made = await mutate<Written>(context, info, {
      input,
      async work(em) {
        await em.insert(User, { id, tenant: tenantId, email, role });
        await recordAudit(em, actorOf(context), {
          tenantId,
          action: 'createUser',
          targetType: 'User',
          targetId: id,
          details: { role },
        });
        return { id, tenantId };
      },
    });
    return { user: await writtenRow(context, info, 'user', User, made) };
  }

  @Requires('admin')
  @Mutation(() => UpdateUserPayload, { nullable: true, description: 'Changes a user.' })
  async updateUser(
    @InputArg(() => UpdateUserInput) input: UpdateUserInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UpdateUserPayload> {
    const changes = namedChanges({
      email: changeInput('input.email', input.email, emailInput),
      role: changeInput('input.role', input.role, role => role),
    });
    if (changes?.role !== undefined) refuseToGiveMore(context, changes.role, 'input.role');
    const changed = await mutate<Written>(context, info, {
      input,
      async work(em) {
        const { id, tenantId, email, role } = await lockedRow<Member>(em, context, User, input, {
          properties: ['email', 'role'],
        });
        refuseToGiveMore(context, role, 'input.id');
        if (changes) {
          await em.nativeUpdate(User, { id, tenant: tenantId }, changes);
          const details = {
            role: { before: role, after: changes.role ?? role },
            emailChanged: changes.email !== undefined && changes.email !== email,
          };
          await recordAudit(em, actorOf(context), {
            tenantId,
            action: 'updateUser',
            targetType: 'User',
            targetId: id,
            details,
          });
        }
        return { id, tenantId };
      },
    });
    return { user: await writtenRow(context, info, 'user', User, changed) };
  }

  @Requires('admin')
  @Mutation(() => DeletionPayload, {
    nullable: true,
    description: 'Removes a user. The last owner of a tenant stays.',
  })
  deleteUser(
    @InputArg(() => DeleteUserInput) input: DeleteUserInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<DeletionPayload> {
    return mutate<DeletionPayload>(context, info, {
      input,
      async work(em) {
        const { id, tenantId, email, role } = await lockedRow<Member>(em, context, User, input, {
          properties: ['email', 'role'],
          forDelete: !input.dryRun,
        });
        refuseToGiveMore(context, role, 'input.id');
        if (input.dryRun) return { deletedId: null, counts: [] };
        if (input.confirm !== email)
          throw badInput(
            'input.confirm',
            "input.confirm must be the user's e-mail address, exactly as it stands. " +
              'Nothing was deleted.',
          );
        await em.nativeDelete(User, { id, tenant: tenantId });
        await recordAudit(em, actorOf(context), {
          tenantId,
          action: 'deleteUser',
          targetType: 'User',
          targetId: id,
          details: { role },
        });
        return { deletedId: id, counts: [] };
      },
    });
  }
}

/**
 * Nobody makes, changes or removes a user who may do more than they: so only owners and the
 * operator deal with owners.
 */
function refuseToGiveMore({ principal }: RequestContext, role: UserRole, field: string): void {
  const missing = lacking(principal, permissionsOfRole(role));
  if (missing.length > 0)
    throw new AppError(
      'FORBIDDEN',
      `The role ${role.toUpperCase()} may do more than you: ${missing.join(', ').toUpperCase()}.`,
      { field },
    );
}

/**
 * Characters that Unicode lets programs ignore: with one, an address would look like another
 * user's.
 */
const HIDDEN = /\p{Default_Ignorable_Code_Point}/u;

/** Only mail can tell whether an address is one; this much all of them have. */
function emailInput(email: string): string {
  const text = lineInput('input.email', email, MAX_EMAIL_LENGTH);
  if (HIDDEN.test(email))
    throw badInput(
      'input.email',
      'input.email contains a character that does not show, such as a zero width space. Remove it.',
    );
  if (!/^[^\s@]+@[^\s@]+$/.test(text))
    throw badInput(
      'input.email',
      'input.email must be an e-mail address, such as ada@example.com.',
    );
  return text;
}
