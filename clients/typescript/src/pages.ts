/** Lists as iterators: a page is read when it is needed, from the end of the page before. */

import type { CallOptions } from './generated/operations.gen.js';

/** A page of a list, with the cursor of the next one. */
export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** An operation that lists. */
export type Lists<Input, Item> = (input: Input, options?: CallOptions) => Promise<Page<Item>>;

export async function* iterate<Input extends object, Item>(
  list: Lists<Input, Item>,
  input: NoInfer<Input>,
  options?: CallOptions,
): AsyncGenerator<Item, void, undefined> {
  for (let next: Input | undefined = input; next; ) {
    const page: Page<Item> = await list(next, options);
    yield* page.items;
    // A page number, where a list has one, is only for the first page.
    next = page.nextCursor === null ? undefined : { ...input, page: undefined, cursor: page.nextCursor };
  }
}
