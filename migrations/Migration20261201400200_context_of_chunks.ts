import { Migration } from '@mikro-orm/migrations';

// What stands before a chunk's text where it is embedded and indexed: `src/chunking/chunk-context.ts`
// makes the same. Written here too, so that chunks of any program have it.
const CONTEXT_OF_CHUNK = `create function weaver_context_of_chunk() returns trigger
  language plpgsql as $function$
  begin
    select nullif(concat_ws(E'\\n', d.filename,
             nullif(array_to_string(new.headings, ' > '), ''), nullif(new.table_header, '')), '')
      into new.context from public.docs d
     where d.tenant_id = new.tenant_id and d.id = new.doc_id;
    return new;
  end $function$`;

/**
 * Every chunk has the name of its document's file, the headings above it and the header of its
 * table as context, and its words are indexed. A new name counts at once. By their names the
 * triggers run before those that read the words. Chunks that are there get theirs from
 * `weaver search rebuild` or `weaver search reembed`.
 */
export class Migration20261201400200_context_of_chunks extends Migration {
  override name = 'Migration20261201400200_context_of_chunks';

  override up(): void {
    this.addSql(CONTEXT_OF_CHUNK);
    this.addSql(
      'create trigger doc_chunks_context before insert or update of context, doc_id, ' +
        'search_vector on doc_chunks for each row execute function weaver_context_of_chunk()',
    );
    this.addSql(
      'create trigger docs_renamed after update of filename on docs for each row ' +
        'when (old.filename is distinct from new.filename) ' +
        'execute function weaver_words_of_document()',
    );
  }

  override down(): void {
    this.addSql('drop trigger docs_renamed on docs');
    this.addSql('drop trigger doc_chunks_context on doc_chunks');
    this.addSql('drop function weaver_context_of_chunk()');
  }
}
