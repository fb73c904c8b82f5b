import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PreconditionFailed, VersionConflict } from '@accord/client';

import { signedIn } from './given.ts';

test('eight writers updating with retries all have their change in the record', async () => {
  const ada = await signedIn();
  const plans = await ada.createConversation({ title: 'Plans' });
  const read = () => ada.getConversation({ conversationId: plans.id });
  const write = (tag: string) =>
    ada.updateWithRetry(read, ({ version, tags }) =>
      ada.updateConversation({ conversationId: plans.id, expectedVersion: version, tags: [...tags, tag] }),
    );

  await Promise.all(Array.from({ length: 8 }, (_, number) => write(`writer-${number}`)));

  const { version, tags } = await read();
  assert.equal(version, 9);
  assert.deepEqual([...tags].sort(), Array.from({ length: 8 }, (_, number) => `writer-${number}`));
});

test('retrying ends after the given number of attempts, with the conflict', async () => {
  const ada = await signedIn();
  let tries = 0;
  const update = ada.updateWithRetry(
    () => ada.getMe(),
    () => {
      tries += 1;
      return ada.updateMe({ expectedVersion: 7, firstName: 'Late' });
    },
    { tries: 3 },
  );

  await assert.rejects(update, (error) => error instanceof VersionConflict && error.currentVersion === 1);
  assert.equal(tries, 3);
});

test('other errors are not tried again', async () => {
  const ada = await signedIn();
  let tries = 0;

  await assert.rejects(
    ada.updateWithRetry(
      () => ada.getMe(),
      () => {
        tries += 1;
        return ada.updateMe({ expectedVersion: 1, firstName: '' });
      },
    ),
    { code: 'VALIDATION_ERROR' },
  );
  assert.equal(tries, 1);
});

test('a stale ETag is a conflict too', async () => {
  const ada = await signedIn();
  await ada.updateMe({ expectedVersion: 1, firstName: 'Augusta' });

  const stale = ada.updateMe({ expectedVersion: 1, ifMatch: '"1"', firstName: 'Late' });

  await assert.rejects(stale, (error) => error instanceof PreconditionFailed && error instanceof VersionConflict);
});

test('an update with retries can be aborted', async () => {
  const ada = await signedIn();
  const controller = new AbortController();
  const change = () => {
    controller.abort();
    return ada.updateMe({ expectedVersion: 7, firstName: 'Late' });
  };

  await assert.rejects(ada.updateWithRetry(() => ada.getMe(), change, { signal: controller.signal }), { name: 'AbortError' });
});
