import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { AccountLocked, ConnectionFailed, RateLimited, ServiceUnavailable } from '@accord/client';

import { client, sent, SERVICE, signedIn } from './given.ts';
import { Proxy } from './proxy.ts';

let proxy: Proxy;
before(async () => {
  proxy = await Proxy.before(SERVICE);
});
after(() => proxy.down());

/** A fetch that gives these responses and then the real ones; null breaks the connection. */
function instead(...responses: (Response | null)[]): typeof fetch {
  return async (request) => {
    const response = responses.shift();
    if (response === null) throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } });
    return response ?? fetch(request);
  };
}

function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  const told = { type: `/problems/${code}`, title: code, status, detail: 'A test says so.', instance: '/', code, requestId: 'r' };
  return Response.json(told, { status, headers });
}

test('a create whose response was lost is sent again with the same key, and makes one record', async () => {
  const ada = await signedIn({ baseUrl: proxy.url });
  proxy.responsesToLose = 1;

  const made = await ada.createConversation({ title: 'Once' });

  const keys = sent(ada.traffic, '/api/v1/conversations').map((request) => request.headers.get('Idempotency-Key'));
  assert.equal(keys.length, 2);
  assert.equal(new Set(keys).size, 1);
  const { items } = await ada.listConversations();
  assert.deepEqual(items.map((each) => each.id), [made.id]);
});

test('a change whose response was lost is not sent again', async () => {
  const ada = await signedIn({ baseUrl: proxy.url });
  proxy.responsesToLose = 1;

  await assert.rejects(ada.updateMe({ expectedVersion: 1, firstName: 'Augusta' }), ConnectionFailed);

  assert.equal(sent(ada.traffic, '/api/v1/me').length, 1);
  assert.equal((await ada.getMe()).version, 2);
});

test('a read is sent again', async () => {
  const ada = await signedIn({ baseUrl: proxy.url });
  proxy.responsesToLose = 2;

  assert.equal((await ada.getMe()).id, ada.user.id);
});

test('a read that is a POST is sent again', async () => {
  const ada = await signedIn({ baseUrl: proxy.url });
  proxy.responsesToLose = 1;

  const { records } = await ada.queryRecords({ pointers: [{ table: 'users', id: ada.user.id }] });

  assert.equal(records.users?.[ada.user.id]?.version, 1);
  assert.equal(sent(ada.traffic, '/api/v1/records/query').length, 2);
});

test('a change that found no server is sent again', async () => {
  const ada = await signedIn({ baseUrl: proxy.url, retries: 1 });
  await proxy.down();

  const change = ada.updateMe({ expectedVersion: 1, firstName: 'Augusta' });
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await proxy.up();

  assert.equal((await change).version, 2);
});

test('a service that stays away is given up', async () => {
  await proxy.down();

  const call = client({ baseUrl: proxy.url, retries: 0 }).getVersion();

  await assert.rejects(call, (error) => error instanceof ConnectionFailed && error.nothingSent && error.status === 0);
  await proxy.up();
});

for (const status of [503, 504]) {
  test(`a ${status} is waited out for a read, and not for a change`, async () => {
    const ada = await signedIn();
    const response = () => problem(status, status === 503 ? 'SERVICE_UNAVAILABLE' : 'TIMEOUT');
    const retrying = client({ fetch: instead(response(), response()) });
    assert.equal((await retrying.getVersion()).name, 'accord');
    assert.equal(retrying.traffic.requests.length, 3);

    const once = client({ fetch: instead(response()) });
    await assert.rejects(once.login({ email: ada.user.email, password: 'x' }), { status });
    assert.equal(once.traffic.requests.length, 1);
  });
}

test('a 429 says that nothing was done, so whatever it was is sent again, after what Retry-After says', async () => {
  const started = Date.now();
  const accord = client({ fetch: instead(problem(429, 'RATE_LIMIT_EXCEEDED', { 'Retry-After': '1' })) });

  await accord.echo({ message: 'hello' });

  assert.equal(accord.traffic.requests.length, 2);
  assert.ok(Date.now() - started >= 990); // Timers and the clock round differently.
});

test('a long Retry-After is reported at once', async () => {
  const accord = client({ fetch: instead(problem(429, 'RATE_LIMIT_EXCEEDED', { 'Retry-After': '900' })) });

  await assert.rejects(accord.getVersion(), (error) => error instanceof RateLimited && error.retryAfter === 900);
});

test('a locked account is not tried again', async () => {
  const accord = client({ fetch: instead(problem(429, 'ACCOUNT_LOCKED', { 'Retry-After': '1' })) });

  await assert.rejects(accord.login({ email: 'ada@example.com', password: 'x' }), AccountLocked);
  assert.equal(accord.traffic.requests.length, 1);
});

test('retries: 0 turns them off', async () => {
  const accord = client({ retries: 0, fetch: instead(problem(503, 'SERVICE_UNAVAILABLE')) });

  await assert.rejects(accord.getVersion(), ServiceUnavailable);
});

test('a response that breaks off in the middle counts as none', async () => {
  const broken = new Response(new ReadableStream({ start: (controller) => controller.error(new TypeError('cut')) }));
  const accord = client({ fetch: instead(broken) });

  assert.equal((await accord.getVersion()).name, 'accord');
});

test('a call can be aborted while it waits for the server, and while it waits to try again', async () => {
  const never: typeof fetch = (request) =>
    new Promise((_, reject) => {
      const { signal } = request as Request;
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  await assert.rejects(client({ fetch: never }).getVersion({}, { signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' });
  const limited = client({ fetch: instead(problem(429, 'RATE_LIMIT_EXCEEDED', { 'Retry-After': '20' })) });
  await assert.rejects(limited.getVersion({}, { signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' });
  await assert.rejects(client().getVersion({}, { signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('a single attempt takes no longer than the timeout', async () => {
  const slow: typeof fetch = (request) =>
    new Promise((_, reject) => {
      (request as Request).signal.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
    });
  const accord = client({ fetch: slow, timeout: 30, retries: 1 });

  await assert.rejects(accord.getVersion(), /nothing came within 30 ms/);
  assert.equal(accord.traffic.requests.length, 2);
});
