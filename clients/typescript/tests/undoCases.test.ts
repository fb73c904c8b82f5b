/** What takes operations back, and what undo and redo make of ids: the table of cases, with this SDK. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import type { AnyRecord, RecordOperation } from '@accord/client';

import { inverse, renaming } from '../dist/recordChanges.js';

interface Cases {
  inverses: { name: string; before: object | null; operations: object[]; inverse: object[] }[];
  renamings: { name: string; steps: RecordOperation[][]; renamed: RecordOperation[][] }[];
}

const CASES = JSON.parse(readFileSync(new URL('../../undo-cases.json', import.meta.url), 'utf8')) as Cases;
const AT = { table: 'conversations', id: '01980d5e-3333-7c3a-9f2e-3b5a6c7d8e9f' };
const all = (steps: readonly object[]) => steps.map((step) => ({ ...AT, ...step }) as unknown as RecordOperation);

for (const { name, before, operations, inverse: back } of CASES.inverses) {
  test(name, () => {
    const record = before ? ({ id: AT.id, version: 1, ...before } as AnyRecord) : undefined;

    assert.deepEqual(inverse(all(operations), () => record, '2026-01-31T09:30:00.000000Z'), all(back));
  });
}

for (const { name, steps, renamed } of CASES.renamings) {
  test(name, () => {
    const rename = renaming(steps[0]!);

    const after = steps.map((each) => rename(each));

    const created = after[0]!.filter(({ op }) => op === 'create').map(({ id }) => id);
    const text = created.reduce((text, id, index) => text.replaceAll(id, `new-${index + 1}`), JSON.stringify(after));
    assert.deepEqual(JSON.parse(text), renamed);
  });
}
