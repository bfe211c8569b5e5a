import { Migration } from '@mikro-orm/migrations';

// The function reads the document once, for both: a look-up for each chunk that is stored. What
// stands before a chunk's text where it is embedded and indexed is made by
// `src/chunking/chunk-context.ts` too; here, so that chunks of any program have it.
const WORDS_IN_CONTEXT = `create or replace function weaver_words_of_chunk() returns trigger
  language plpgsql as $function$
  declare
    language text;
  begin
    select coalesce(d.language, b.language),
           nullif(concat_ws(E'\\n', d.filename,
             nullif(array_to_string(new.headings, ' > '), ''), nullif(new.table_header, '')), '')
      into language, new.context
      from public.docs d join public.bots b on b.tenant_id = d.tenant_id and b.id = d.bot_id
     where d.tenant_id = new.tenant_id and d.id = new.doc_id;
    new.search_vector := public.weaver_words(new.text, language);
    if new.context is not null then
      new.search_vector := new.search_vector ||
        setweight(public.weaver_words(new.context, language), 'C');
    end if;
    return new;
  end $function$`;

const WORDS_WITHOUT_CONTEXT = `create or replace function weaver_words_of_chunk() returns trigger
  language plpgsql as $function$
  declare
    language text;
  begin
    select coalesce(d.language, b.language) into language
      from public.docs d join public.bots b on b.tenant_id = d.tenant_id and b.id = d.bot_id
     where d.tenant_id = new.tenant_id and d.id = new.doc_id;
    new.search_vector := public.weaver_words(new.text, language);
    if new.context is not null then
      new.search_vector := new.search_vector ||
        setweight(public.weaver_words(new.context, language), 'C');
    end if;
    return new;
  end $function$`;

/**
 * Every chunk has the name of its document's file, the headings above it and the header of its
 * table as context, and its words are indexed. A new name counts at once. Chunks that are there get
 * theirs from the next migration.
 */
export class Migration20261201400200_context_of_chunks extends Migration {
  override name = 'Migration20261201400200_context_of_chunks';

  override up(): void {
    this.addSql(WORDS_IN_CONTEXT);
    this.addSql(
      'create trigger docs_renamed after update of filename on docs for each row ' +
        'when (old.filename is distinct from new.filename) ' +
        'execute function weaver_words_of_document()',
    );
  }

  override down(): void {
    this.addSql('drop trigger docs_renamed on docs');
    this.addSql(WORDS_WITHOUT_CONTEXT);
  }
}
