/** A text as it is stored: the document's name and what it says. */
interface SetDocument {
  readonly filename: string;
  readonly text: string;
}

interface SetQuestion {
  readonly text: string;
  /** Names of the documents that answer it: a chunk of any of them is right. */
  readonly expected: readonly string[];
}

/** Texts of one tenant, and questions of which it is known where the answer stands. */
export interface QuestionSet {
  readonly name: string;
  readonly documents: readonly SetDocument[];
  readonly questions: readonly SetQuestion[];
}

/** A part of a text, below its heading. */
export interface Section {
  readonly heading: string;
  readonly text: string;
}

/**
 * A set whose questions are the headings of sections, which are taken out of the texts. Names of
 * the documents tell nothing. A heading that stands above several sections means any of them.
 */
export function setOfSections(name: string, sections: readonly Section[]): QuestionSet {
  const documents = sections.map(({ text }, index) => ({
    filename: `${String(index + 1).padStart(3, '0')}.txt`,
    text,
  }));
  const expected = Map.groupBy(documents.keys(), index => sections[index]!.heading);
  return {
    name,
    documents,
    questions: Array.from(expected, ([heading, indexes]) => ({
      text: heading,
      expected: indexes.map(index => documents[index]!.filename),
    })),
  };
}
