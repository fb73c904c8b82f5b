/** A time may be given as a Date, in a body and in a query; what comes back is text. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Forbidden } from '@accord/client';

import { client, signedIn } from './given.ts';

const AT = new Date('2026-01-31T09:30:00.5Z');

test('a Date in a body is a time', async () => {
  const { sentAt } = await client().echo({ message: 'hello', sentAt: AT });

  assert.equal(sentAt, '2026-01-31T09:30:00.500000Z');
});

test('a text in a body is a time, in any form of RFC 3339', async () => {
  const { sentAt } = await client().echo({ message: 'hello', sentAt: '2026-01-31T10:30:00+01:00' });

  assert.equal(sentAt, '2026-01-31T09:30:00.000000Z');
});

test('a Date in a query is a time', async () => {
  const ada = await signedIn();

  // Only administrators read it, and that is told before the query is judged; what was sent is in the request.
  await assert.rejects(ada.listAudit({ since: AT }), Forbidden);

  const { searchParams } = new URL(ada.traffic.requests.at(-1)!.url);
  assert.equal(searchParams.get('since'), AT.toISOString());
});
