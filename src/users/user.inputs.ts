import { ArgsType, Field, InputType, registerEnumType } from 'type-graphql';
import { UserRole } from '../auth/principal.js';
import { PageArgs } from '../graphql/connection.js';
import {
  AND,
  NOT,
  OR,
  DateTimeFilter,
  IDFilter,
  StringFilter,
  enumFilter,
  type EnumFilter,
  type RangeFilter,
} from '../graphql/filters.js';
import { orderByOf, type OrderBy } from '../graphql/order.js';

enum UserOrderField {
  EMAIL = 'email',
  ROLE = 'role',
  CREATED_AT = 'createdAt',
  UPDATED_AT = 'updatedAt',
}
registerEnumType(UserOrderField, {
  name: 'UserOrderField',
  description: 'What users can be ordered by.',
  valuesConfig: {
    EMAIL: { description: 'The e-mail address.' },
    ROLE: { description: 'The role, by its name.' },
    CREATED_AT: { description: 'When the user was added.' },
    UPDATED_AT: { description: 'When the user was last changed.' },
  },
});

const UserRoleFilter = enumFilter<UserRole>(UserRole, 'UserRole');

@InputType({ description: 'Which users to list. All conditions must hold.' })
export class UserFilter {
  @Field(() => IDFilter, { nullable: true, description: "The user's id." })
  id?: IDFilter | null;
  @Field(() => StringFilter, { nullable: true, description: 'The e-mail address.' })
  email?: StringFilter | null;
  @Field(() => UserRoleFilter, { nullable: true, description: 'The role.' })
  role?: EnumFilter<UserRole> | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When the user was added.' })
  createdAt?: RangeFilter<string> | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When the user was last changed.' })
  updatedAt?: RangeFilter<string> | null;
  @Field(() => [UserFilter], { nullable: true, description: AND })
  and?: UserFilter[] | null;
  @Field(() => [UserFilter], { nullable: true, description: OR })
  or?: UserFilter[] | null;
  @Field(() => UserFilter, { nullable: true, description: NOT })
  not?: UserFilter | null;
}

const UserOrderBy = orderByOf(UserOrderField, 'User');

@ArgsType()
export class UserListArgs extends PageArgs {
  @Field(() => UserFilter, { nullable: true, description: 'Only users for which this holds.' })
  filter?: UserFilter | null;
  @Field(() => [UserOrderBy], {
    nullable: true,
    description: 'In which order, at most 3 steps; newest first by default.',
  })
  orderBy?: OrderBy[] | null;
}
