import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as sdk from '@accord/client';

import { client, signedIn } from './given.ts';

function responding(status: number, body: unknown, headers: Record<string, string> = {}): typeof fetch {
  return async () => Response.json(body, { status, headers });
}

/** A problem as the service words it. */
function problem(status: number, code: string): object {
  return { type: `/problems/${code}`, title: code, status, detail: 'A test says so.', instance: '/', code, requestId: 'r' };
}

async function errorOf(status: number, body: unknown, headers: Record<string, string> = {}): Promise<sdk.AccordError> {
  const call = client({ retries: 0, fetch: responding(status, body, headers) }).getVersion();
  return call.then(
    () => assert.fail('It was not refused.'),
    (error: unknown) => error as sdk.AccordError,
  );
}

test('every code of the contract has a class of its own', async () => {
  const bundle = readFileSync(new URL('../../../openapi/bundle.json', import.meta.url), 'utf8');
  const codes = new Map([...bundle.matchAll(/"code": "([A-Z_]+)",.*?"status": (\d{3})/gs)].map(([, code, status]) => [code!, Number(status)]));
  assert.ok(codes.size > 15);

  for (const [code, status] of codes) {
    const error = await errorOf(status, problem(status, code));
    assert.notEqual(error.constructor, sdk.AccordError, code);
    assert.equal(error.code, code);
  }
});

test('a code that is newer than the SDK falls back on its status', async () => {
  assert.ok((await errorOf(404, problem(404, 'BRAND_NEW'))) instanceof sdk.NotFound);
  assert.equal((await errorOf(409, problem(409, 'BRAND_NEW'))).constructor, sdk.AccordError);
});

test('a response that a proxy made is an error too', async () => {
  const error = await errorOf(502, '<html>Bad gateway</html>');

  assert.ok(error instanceof sdk.UnexpectedResponse);
  assert.deepEqual([error.code, error.status, error.requestId], ['UNEXPECTED_RESPONSE', 502, '']);
  assert.ok((await errorOf(404, '<html>Not here</html>')) instanceof sdk.UnexpectedResponse);
  assert.ok((await errorOf(404, { code: 'NOT_FOUND', message: 'no route' })) instanceof sdk.UnexpectedResponse);
  assert.ok((await errorOf(503, 'busy')) instanceof sdk.ServiceUnavailable);
  assert.equal((await errorOf(503, 'busy', { 'Retry-After': '7' })).problem.retryAfter, 7);
});

test('errors carry what the server said', async () => {
  const ada = await signedIn();

  await assert.rejects(ada.updateMe({ expectedVersion: 1, firstName: '' }), (error) => {
    assert.ok(error instanceof sdk.ValidationFailed);
    assert.deepEqual(new Set(error.errors.map(({ field }) => field)), new Set(['firstName']));
    assert.match(error.requestId, /./);
    assert.match(error.message, /^VALIDATION_ERROR: /);
    assert.ok(error.message.includes(` firstName ${error.errors[0]!.message}`));
    assert.equal(error.name, 'ValidationFailed');
    return true;
  });
});

test('pages are read as they are needed', async () => {
  const ada = await signedIn();
  const { id } = await ada.createConversation({ title: 'Plans' });
  for (const text of ['one', 'two', 'three', 'four', 'five']) await ada.createMessage({ conversationId: id, text });
  ada.traffic.requests.length = 0;

  const texts: string[] = [];
  for await (const message of ada.iterate(ada.listMessages, { conversationId: id, limit: 2 })) {
    texts.push(message.text);
    if (texts.length === 3) break;
  }

  assert.deepEqual(texts, ['five', 'four', 'three']);
  assert.equal(ada.traffic.requests.length, 2);
});
