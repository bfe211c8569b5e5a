import { ArgsType } from 'type-graphql';
import { listArgsOf } from '../graphql/listed-fields.js';
import { User } from './user.entity.js';

@ArgsType()
export class UserListArgs extends listArgsOf(User, {
  things: 'users',
  defaultOrder: 'newest first',
}) {}
