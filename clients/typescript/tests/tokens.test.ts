import assert from 'node:assert/strict';
import { test } from 'node:test';

import { memoryTokens, SignedOut, Unauthorized } from '@accord/client';

import { client, openTokens, PASSWORD, sent, signedIn } from './given.ts';

const REFRESH = '/api/v1/auth/refresh';

test('twenty calls with an expired token make one refresh', async () => {
  const tokens = openTokens();
  const ada = await signedIn({ tokens });
  tokens.change({ expiresAt: Date.now() - 1000 });

  const answers = await Promise.all(Array.from({ length: 20 }, () => ada.getMe()));

  assert.deepEqual(new Set(answers.map((me) => me.id)), new Set([ada.user.id]));
  assert.equal(sent(ada.traffic, REFRESH).length, 1);
});

test('twenty calls with a token that the server refuses make one refresh', async () => {
  const tokens = openTokens();
  const ada = await signedIn({ tokens });
  tokens.change({ accessToken: 'not.a.token' });

  const answers = await Promise.all(Array.from({ length: 20 }, () => ada.getMe()));

  assert.equal(answers.length, 20);
  assert.equal(sent(ada.traffic, REFRESH).length, 1);
});

test('clients over one store make one refresh together', async () => {
  const tokens = openTokens();
  const first = await signedIn({ tokens });
  const second = client({ tokens });
  tokens.change({ expiresAt: Date.now() - 1000 });

  await Promise.all([first, second, first, second].map((tab) => tab.getMe()));

  assert.equal(sent(first.traffic, REFRESH).length + sent(second.traffic, REFRESH).length, 1);
});

test('clients over stores of one name refresh one after another, and the second takes what the first got', async () => {
  const kept = memoryTokens();
  const tab = () => ({ ...kept, name: 'tabs' });
  const first = await signedIn({ tokens: tab() });
  const second = client({ tokens: tab() });
  await kept.save({ ...(await kept.load())!, expiresAt: Date.now() - 1000 });

  await Promise.all([first, second, first, second].map((each) => each.getMe()));

  assert.equal(sent(first.traffic, REFRESH).length + sent(second.traffic, REFRESH).length, 1);
});

test('the token is renewed shortly before it expires', async () => {
  const tokens = openTokens();
  const ada = await signedIn({ tokens });
  tokens.change({ expiresAt: Date.now() + 29_000 });

  await ada.getMe();

  assert.equal(sent(ada.traffic, REFRESH).length, 1);
  assert.ok(tokens.now().expiresAt > Date.now() + 60_000);
});

test('a refused refresh signs out, and forgets the tokens', async () => {
  const tokens = openTokens();
  const ada = await signedIn({ tokens });
  await (await signedIn({}, ada.user)).logoutAll();
  tokens.change({ expiresAt: Date.now() - 1000 });

  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => ada.getMe()));

  for (const outcome of outcomes) assert.ok(outcome.status === 'rejected' && outcome.reason instanceof Unauthorized);
  assert.ok(outcomes.some((outcome) => outcome.status === 'rejected' && outcome.reason instanceof SignedOut));
  assert.equal(tokens.load(), undefined);
  assert.equal(sent(ada.traffic, REFRESH).length, 1);
});

test('a wrong password is no reason to refresh', async () => {
  const ada = await signedIn();

  await assert.rejects(ada.signIn({ email: ada.user.email, password: 'not it' }), { code: 'INVALID_CREDENTIALS' });

  assert.equal(sent(ada.traffic, REFRESH).length, 0);
});

test('who signed out is nobody, and the session is over on the server', async () => {
  const tokens = openTokens();
  const ada = await signedIn({ tokens });
  const { refreshToken } = tokens.now();

  await ada.signOut();

  await assert.rejects(ada.getMe(), Unauthorized);
  await assert.rejects(client().refresh({ refreshToken }), { code: 'INVALID_CREDENTIALS' });
  assert.equal((await ada.signIn({ email: ada.user.email, password: PASSWORD })).id, ada.user.id);
});

test('a call that is aborted while it waits for the refresh does not disturb the others', async () => {
  const tokens = openTokens();
  const ada = await signedIn({ tokens });
  tokens.change({ expiresAt: Date.now() - 1000 });
  const controller = new AbortController();

  const aborted = ada.getMe({}, { signal: controller.signal });
  const other = ada.getMe();
  controller.abort();

  await assert.rejects(aborted, { name: 'AbortError' });
  assert.equal((await other).id, ada.user.id);
});
