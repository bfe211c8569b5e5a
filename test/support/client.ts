/** What `/graphql` answered. */
export interface Answer<D = any> {
  readonly status: number;
  readonly headers: Headers;
  readonly data: D;
  readonly errors:
    | {
        message: string;
        path?: (string | number)[];
        extensions: Record<string, unknown> & { code: string; field?: string };
      }[]
    | undefined;
}

/** A GraphQL client over HTTP, with a token or without. */
export class Client {
  constructor(
    private readonly url: string,
    private readonly token?: string,
  ) {}

  async query<D = any>(query: string, variables?: Record<string, unknown>): Promise<Answer<D>> {
    return this.post(JSON.stringify({ query, variables }));
  }

  /** Sends a body as it is. */
  async post<D = any>(body: string, headers: Record<string, string> = {}): Promise<Answer<D>> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(this.token && { authorization: `Bearer ${this.token}` }),
        ...headers,
      },
      body,
    });
    const { data, errors } = (await response.json()) as Pick<Answer<D>, 'data' | 'errors'>;
    return { status: response.status, headers: response.headers, data, errors };
  }

  /** The data of a query that must succeed. */
  async data<D = any>(query: string, variables?: Record<string, unknown>): Promise<D> {
    const answer = await this.query<D>(query, variables);
    if (answer.errors) throw new Error(`The query failed: ${JSON.stringify(answer.errors)}`);
    return answer.data;
  }
}
