/** Lists as iterators: the next page is read when it is needed. */

import type { CallOptions } from './generated/operations.gen.js';

/** What a list answers with: a part that says where it goes on, or a numbered page. */
export type Page<Item> = { items: Item[] } & ({ nextCursor: string | null } | { page: number; totalPages: number });

/** An operation that lists. */
export type Lists<Input, Item> = (input: Input, options?: CallOptions) => Promise<Page<Item>>;

export async function* iterate<Input extends object, Item>(
  list: Lists<Input, Item>,
  input: Input,
  options?: CallOptions,
): AsyncGenerator<Item, void, undefined> {
  for (let place: object | undefined = {}; place; ) {
    const page: Page<Item> = await list({ ...input, ...place }, options);
    yield* page.items;
    place = following(page);
  }
}

function following(page: Page<unknown>): object | undefined {
  if ('nextCursor' in page) return page.nextCursor === null ? undefined : { cursor: page.nextCursor };
  return page.page < page.totalPages ? { page: page.page + 1 } : undefined;
}
