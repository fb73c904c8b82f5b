/** Changes that are to be made whatever the others do: read, apply, write; on a conflict again. */

import { VersionConflict } from './errors.js';
import { backoff, sleep } from './retries.js';

export interface UpdateOptions {
  /** How often to write at most; then the conflict is thrown. 10 unless given. */
  tries?: number;
  signal?: AbortSignal;
}

/**
 * Give what `read` returns to `change`, which writes with its version; when the record moved on meanwhile, do it again.
 *
 * `change` may run many times: it must have no effect but its write.
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
