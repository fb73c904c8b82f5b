import assert from 'node:assert/strict';
import { test } from 'node:test';

import { memoryTokens, SignedOut, Unauthorized } from '@accord/client';

import { anAccount, client, openTokens, PASSWORD, sent, signedIn } from './given.ts';

const REFRESH = '/api/v1/auth/refresh';

test('twenty calls with an expired token make one refresh', async () => {
  const tokens = openTokens();
  const ada = await signedIn({ tokens });
  tokens.change({ expiresAt: Date.now() - 1000 });

  const responses = await Promise.all(Array.from({ length: 20 }, () => ada.getMe()));

  assert.deepEqual(new Set(responses.map((me) => me.id)), new Set([ada.user.id]));
  assert.equal(sent(ada.traffic, REFRESH).length, 1);
});

test('twenty calls with a token that the server refuses make one refresh', async () => {
  const tokens = openTokens();
  const ada = await signedIn({ tokens });
  tokens.change({ accessToken: 'not.a.token' });

  const responses = await Promise.all(Array.from({ length: 20 }, () => ada.getMe()));

  assert.equal(responses.length, 20);
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

test('signing out ends the session on the client and on the server', async () => {
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

/** A client of Ada's whose refresh was processed; the response waits until the gate opens. */
async function refreshing() {
  const tokens = openTokens();
  const gate = { isOpen: true, open: () => {} };
  let responded = () => {};
  const whenResponded = new Promise<void>((resolve) => (responded = resolve));
  const ada = await signedIn({
    tokens,
    fetch: async (input) => {
      const response = await fetch(input);
      if (gate.isOpen || !(input as Request).url.endsWith(REFRESH)) return response;
      responded();
      await new Promise<void>((resolve) => (gate.open = resolve));
      return response;
    },
  });
  tokens.change({ expiresAt: Date.now() - 1000 });
  gate.isOpen = false;
  return { ada, tokens, gate, whenResponded };
}

test('signing in during a refresh keeps the new session, and no earlier call is sent as the new account', async () => {
  const { ada, tokens, gate, whenResponded } = await refreshing();
  const grace = await anAccount('Grace');
  const call = ada.getMe();
  call.catch(() => undefined);
  await whenResponded;

  await ada.signIn({ email: grace.email, password: PASSWORD });
  gate.open();

  await assert.rejects(call, SignedOut);
  assert.equal(sent(ada.traffic, '/api/v1/me').length, 0);
  assert.equal((await ada.getMe()).id, grace.id);
  assert.notEqual(tokens.load(), undefined);
});

test('signing out during a refresh stays signed out', async () => {
  const { ada, tokens, gate, whenResponded } = await refreshing();
  const call = ada.getMe();
  call.catch(() => undefined);
  await whenResponded;

  await ada.signOut();
  gate.open();

  await assert.rejects(call, SignedOut);
  assert.equal(tokens.load(), undefined);
});

test('a refused refresh signs out only the account that it was of', async () => {
  const { ada, gate, whenResponded } = await refreshing();
  const grace = await anAccount('Grace');
  await (await signedIn({}, ada.user)).logoutAll();
  const call = ada.getMe();
  call.catch(() => undefined);
  await whenResponded;

  await ada.signIn({ email: grace.email, password: PASSWORD });
  gate.open();

  await assert.rejects(call, SignedOut);
  assert.equal((await ada.getMe()).id, grace.id);
});

test('a token that is still good serves while a frozen window holds the lock', async () => {
  const kept = memoryTokens();
  const ada = await signedIn({ tokens: { ...kept, name: 'frozen' } });
  await kept.save({ ...(await kept.load())!, expiresAt: Date.now() + 20_000 });
  let giveBack = () => {};
  const isHeld = new Promise<void>((held) => {
    void navigator.locks.request('accord refresh frozen', () => {
      held();
      return new Promise<void>((resolve) => (giveBack = resolve));
    });
  });
  await isHeld;

  const began = Date.now();
  assert.equal((await ada.getMe()).id, ada.user.id);

  assert.ok(Date.now() - began < 5_000);
  assert.equal(sent(ada.traffic, REFRESH).length, 0);
  giveBack();
});
