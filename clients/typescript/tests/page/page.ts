/** A page as somebody would write it: sign in, edit one's name, see what others do to it, decide about conflicts. */

import { Accord, localStorageTokens, type User, VersionConflict } from '@accord/client';

const at = <Kind extends HTMLElement>(id: string) => document.getElementById(id) as Kind;
const accord = new Accord({
  baseUrl: new URLSearchParams(location.search).get('service') ?? location.origin,
  tokens: localStorageTokens(),
});
const cache = accord.cache();
let me: User;
let seen = 0;

function note(text: string): void {
  const line = document.createElement('li');
  line.textContent = text;
  at('log').append(line);
}

function show(user: User | undefined): void {
  if (!user) return;
  me = user;
  at('version').textContent = String(user.version);
  at('name').textContent = `${user.firstName} ${user.lastName}`;
}

async function begin(user: User): Promise<void> {
  at('who').textContent = `Signed in as ${user.email}.`;
  cache.listen((event) => {
    if (event.type !== 'changed') return;
    show(cache.get('users', user.id));
    note(`now at version ${me.version}: ${me.firstName}`);
  });
  await cache.follow('users', user.id).ready;
  at('edit').hidden = false;
}

function typed(form: HTMLFormElement): Record<string, string> {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
}

at('sign-in').onsubmit = async (event) => {
  event.preventDefault();
  const { email = '', password = '' } = typed(at('sign-in'));
  await begin(await accord.signIn({ email, password }));
};

at('edit').onsubmit = async (event) => {
  event.preventDefault();
  const { firstName = '' } = typed(at('edit'));
  try {
    // The version that the person saw when they began to type.
    cache.put('users', await accord.updateMe({ expectedVersion: seen, firstName }));
  } catch (error) {
    if (!(error instanceof VersionConflict)) throw error;
    at('why').textContent = `Somebody changed it: it is at version ${error.currentVersion}, you saw ${seen}.`;
    at('conflict').hidden = false;
  }
};

at('first-name').onfocus = () => {
  seen = me.version;
};

at('mine').onclick = async () => {
  const { firstName = '' } = typed(at('edit'));
  const saved = await accord.updateWithRetry(
    () => accord.getMe(),
    ({ version }) => accord.updateMe({ expectedVersion: version, firstName }),
  );
  cache.put('users', saved);
  at('conflict').hidden = true;
};

// For the test of several windows: whoever is signed in in one is in all.
Object.assign(window, { accord });
const { authenticated, user } = await accord.getSession();
if (authenticated && user) await begin(user);
note('ready');
