import type { EntityMetadata, EntityProperty, MikroORM } from '@mikro-orm/core';
import { NameType } from './column-types.js';

export type EntityClass<T extends object = object> = new () => T;

/** Which row it is, and whose: what statements name it by. */
export interface RowKey {
  readonly id: string;
  readonly tenantId: string;
}

/** A value that rows of an entity can hold. */
export interface ReadColumn {
  /** The key in the row: the entity's property, or `botId` for the relation `bot`. */
  readonly property: string;
  /** The expression that reads it from the table under `alias`. */
  sql(alias: string): string;
  /** PostgreSQL's name of its type, such as `timestamptz`, to cast parameters with. */
  readonly type: string;
  readonly nullable: boolean;
  /**
   * What rows are ordered by, of an expression of the column's type: of names their place in the
   * alphabet, else the value itself.
   */
  sortKey(expression: string): string;
}

/**
 * Whose result has the order of an alphabet, on every server:
 * `migrations/Migration20261130100200_alphabet.ts`.
 */
const SORT_KEY = 'weaver_sort_key';

const identity = (expression: string): string => expression;

/**
 * How an entity's rows are read without making entities of them: table, columns and types, all from
 * MikroORM's metadata. Hydrating an entity costs eight to ten times what its row costs
 * (`docs/decisions/0003-reads-are-rows.md`).
 */
export class ReadModel {
  readonly name: string;
  readonly table: string;
  /** The column that says whose a row is; of tenants themselves, their id. */
  readonly tenantColumn: string;
  readonly #columns = new Map<string, ReadColumn>();
  readonly #relations = new Map<string, string>();

  constructor(meta: EntityMetadata) {
    this.name = meta.className;
    this.table = meta.tableName;
    for (const property of Object.values(meta.properties) as EntityProperty[]) {
      const column = toColumn(meta, property);
      this.#columns.set(column.property, column);
      if (property.kind !== 'scalar' && !property.hidden)
        this.#relations.set(property.name, column.property);
    }
    const tenantId = this.#columns.get('tenantId');
    this.tenantColumn = tenantId ? 'tenant_id' : 'id';
    if (!tenantId) this.#columns.set('tenantId', { ...this.column('id'), property: 'tenantId' });
  }

  /** The column of a property; an unknown property is a mistake in the program. */
  column(property: string): ReadColumn {
    const column = this.#columns.get(property);
    if (!column) throw new Error(`${this.name} has no property ${property}.`);
    return column;
  }

  /**
   * The property that holds the id behind a relation, such as `botId` behind `bot`; undefined where
   * there is no such relation, or a hidden one, of what is shown nowhere.
   */
  foreignKeyOf(relation: string): string | undefined {
    return this.#relations.get(relation);
  }

  /**
   * The properties to read so that a shown field can be resolved: its own, the id behind a
   * relation, or none.
   */
  propertiesOfField(field: string): readonly string[] {
    if (this.#columns.has(field)) return [field];
    const relation = this.#relations.get(field);
    return relation ? [relation] : [];
  }

  /** The select list for `properties` of the table under `alias`. */
  select(properties: Iterable<string>, alias: string): string {
    return Array.from(
      properties,
      property => `${shownColumn(this.column(property), alias)} as "${property}"`,
    ).join(', ');
  }
}

/** Vectors come as bytes, which take PostgreSQL a tenth of writing their numbers as text. */
function shownColumn({ type, sql }: ReadColumn, alias: string): string {
  return type.startsWith('halfvec') ? `halfvec_send(${sql(alias)})` : sql(alias);
}

function toColumn(meta: EntityMetadata, property: EntityProperty): ReadColumn {
  if (property.formula) {
    const formula = property.formula;
    return {
      property: property.name,
      type: property.columnTypes?.[0] ?? property.type,
      nullable: property.nullable ?? false,
      sortKey: identity,
      sql: alias => {
        const table = {
          alias,
          name: meta.tableName,
          qualifiedName: meta.tableName,
          toString: () => alias,
        };
        return `(${String(formula(meta.createColumnMappingObject(alias), table))})`;
      },
    };
  }
  const fieldName = property.fieldNames.at(-1)!;
  return {
    property: property.kind === 'scalar' ? property.name : `${property.name}Id`,
    type: property.kind === 'scalar' ? property.columnTypes[0]! : 'uuid',
    nullable: property.nullable ?? false,
    sortKey:
      property.customType instanceof NameType
        ? expression => `${SORT_KEY}(${expression})`
        : identity,
    sql: alias => `${alias}.${fieldName}`,
  };
}

/** The read models of all entities, made once when the database is open. */
export class ReadModels {
  readonly #byName = new Map<string, ReadModel>();

  constructor(orm: MikroORM) {
    for (const meta of orm.getMetadata())
      this.#byName.set(meta.className, new ReadModel(meta as EntityMetadata));
  }

  of(entity: { readonly name: string }): ReadModel {
    const model = this.#byName.get(entity.name);
    if (!model) throw new Error(`${entity.name} is not an entity.`);
    return model;
  }

  all(): ReadModel[] {
    return [...this.#byName.values()];
  }

  /** The model of a GraphQL object type that is an entity, else undefined. */
  ofType(typeName: string): ReadModel | undefined {
    return this.#byName.get(typeName);
  }
}
