/** Why a file was not imported; `message` is a sentence or two. */
export class FileRefusal extends Error {
  override readonly name = 'FileRefusal';

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
