/** What is known of a chunk beside its text. */
export interface ChunkContext {
  readonly headings?: readonly string[] | undefined;
  /** Header and rule of the table that it continues. */
  readonly tableHeader?: string | undefined;
}

/**
 * What stands before a chunk's text where it is embedded and where its words are indexed, and
 * nowhere else: the name of its file, the headings above it, the header of its table. The database
 * makes the same of a row (`weaver_words_of_chunk`), whoever has written it.
 */
export function contextOf(filename: string, { headings = [], tableHeader }: ChunkContext): string {
  return [filename, headings.join(' > '), tableHeader ?? ''].filter(line => line !== '').join('\n');
}

/** What is embedded of a chunk. */
export function embeddingInput(context: string, text: string): string {
  return context === '' ? text : `${context}\n\n${text}`;
}
