/** Waiting for a job: reading it until it has ended. */

import { errorOf } from './errors.js';
import type { Job, Problem } from './generated/types.gen.js';
import { sleep } from './retries.js';

const FIRST_PAUSE = 100;
/** Milliseconds between reads: a job that takes long is read rarely. */
const LONGEST_PAUSE = 5_000;

/** The job once it has ended; throws the error of its problem, if it has one. */
export async function waitForJob(read: () => Promise<Job>, signal?: AbortSignal): Promise<Job> {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
    const job = await read();
    if (job.problem) throw problemError(job.problem as unknown as Problem);
    if (job.endedAt) return job;
    await sleep(pause, signal);
  }
}

function problemError(problem: Problem): Error {
  return errorOf(problem.status, JSON.stringify(problem), new Headers());
}
