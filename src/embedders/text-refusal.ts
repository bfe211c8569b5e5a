import { AppError } from '../base/app-error.js';

/** So much of a text is shown to tell which one it is, in characters. */
const EXCERPT = 60;

/** One text that an embedding service cannot embed, while it embeds others. */
export class TextRefusal extends AppError {
  /** `index` counts from 0 in the texts that were to be embedded. `cause` is for the log. */
  constructor(
    readonly index: number,
    readonly text: string,
    override readonly cause: unknown,
  ) {
    super(
      'UNAVAILABLE',
      `The embedding service cannot embed the text at index ${index}, which ${beginning(text)}. ` +
        'It embeds the others: change this one or leave it out.',
      { cause },
    );
  }

  /** The same, told of the list from which the texts were taken. */
  at(index: number, text = this.text): TextRefusal {
    return new TextRefusal(index, text, this.cause);
  }
}

/** How a text begins, as the end of a sentence. */
export function beginning(text: string): string {
  const characters = [...text.replace(/\s+/gu, ' ').trim()];
  const excerpt = characters.slice(0, EXCERPT).join('');
  return characters.length > EXCERPT ? `begins with "${excerpt}"` : `reads "${excerpt}"`;
}
