/** One page of a list. */
export type Page<T> = {
  items: T[];
  /** The number of items on all pages. Null when the API does not count them. */
  total: number | null;
  /** Loads the next page. Null on the last page. */
  next: (() => Promise<Page<T>>) | null;
};

/** One loaded page. `next` is the position of the next page, or null on the last page. */
type Loaded<T, Position> = { items: T[]; total: number | null; next: Position | null };

/** The older name of the size is never sent. */
type NumberedPage = { page: number; page_size: number; per_page: undefined };

/** A list on the server. It loads nothing before it is read by `for await (const item of list)` or `await list.page()`. */
export class List<T> implements AsyncIterable<T> {
  readonly #first: () => Promise<Page<T>>;

  private constructor(first: () => Promise<Page<T>>) {
    this.#first = first;
  }

  /** A list that `load` reads page by page, from `start`. */
  static of<T, Position>(
    start: Position,
    load: (position: Position) => Promise<Loaded<T, Position>>,
  ): List<T> {
    const pageAt = async (position: Position): Promise<Page<T>> => {
      const { items, total, next } = await load(position);
      // An empty page ends the list, even if the server names a next page.
      return { items, total, next: next === null || items.length === 0 ? null : () => pageAt(next) };
    };
    return new List(() => pageAt(start));
  }

  /** A list of numbered pages, with 50 items each by default. */
  static numbered<T>(
    query: { page?: number; page_size?: number; per_page?: number },
    load: (query: NumberedPage) => Promise<{ items: T[]; total: number }>,
  ): List<T> {
    const { page: first = 1, per_page = 50, page_size = per_page } = query;
    return List.of(first, async (page) => {
      const { items, total } = await load({ page, page_size, per_page: undefined });
      return { items, total, next: pageAfter(page, page_size, items.length, total) };
    });
  }

  /** A list that the API does not divide into pages. */
  static whole<T>(load: () => Promise<T[]>): List<T> {
    return List.of(null, async () => {
      const items = await load();
      return { items, total: items.length, next: null };
    });
  }

  /** The first page, or the one that the query names. */
  page(): Promise<Page<T>> {
    return this.#first();
  }

  /** All items of all pages. Use it only for small lists. */
  async all(): Promise<T[]> {
    const items: T[] = [];
    for await (const item of this) items.push(item);
    return items;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (let page: Page<T> | null = await this.#first(); page !== null; ) {
      yield* page.items;
      page = page.next === null ? null : await page.next();
    }
  }
}

/** The number of the page after this one, or null. A short page or the total ends the list. */
export function pageAfter(page: number, size: number, count: number, total: number): number | null {
  return count > 0 && (page - 1) * size + count < total ? page + 1 : null;
}
