/** Changes that are made whatever other clients do: read, change and write; after a conflict, again. */

import { VersionConflict } from './errors.js';
import { backoff, sleep } from './retries.js';

export interface UpdateOptions {
  /** The limit of tries; after the last one the conflict is thrown. 10 by default. */
  tries?: number;
  signal?: AbortSignal;
}

/**
 * Give the record of `read` to `change`, which writes with its version; after a version conflict, do both again.
 *
 * `change` may run many times, so its only effect must be its write.
 */
export async function updateWithRetry<Current, Result>(
  read: () => Promise<Current>,
  change: (current: Current) => Promise<Result>,
  { tries = 10, signal }: UpdateOptions = {},
): Promise<Result> {
  for (let tried = 1; ; tried++) {
    signal?.throwIfAborted();
    try {
      return await change(await read());
    } catch (error) {
      if (!(error instanceof VersionConflict) || tried >= tries) throw error;
      await sleep(backoff(tried, 10, 500), signal);
    }
  }
}
