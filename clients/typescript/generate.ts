/**
 * Writes src/generated from openapi/bundle.json and clients/errors.json; `node generate.ts [folder]` writes it elsewhere, to compare.
 *
 * The types and the fetch client come from @hey-api/openapi-ts. The methods come from here, because its own have the body
 * as one parameter among others: `updateUser({userId, updateUser: {…}})`. Ours are flat: `updateUser({userId, …})`.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { createClient } from '@hey-api/openapi-ts';

const here = import.meta.dirname;
const bundle = join(here, '..', '..', 'openapi', 'bundle.json');
const errors = join(here, '..', 'errors.json');

interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  required?: string[];
  enum?: string[];
  items?: Schema;
  oneOf?: Schema[];
  additionalProperties?: Schema;
  properties?: Record<string, Schema>;
  description?: string;
  'x-record'?: RecordFacts;
}
interface RecordFacts {
  table: string;
  create?: Schema;
  delete?: boolean;
  writable?: Record<string, string>;
}
interface Parameter {
  $ref?: string;
  name: string;
  in: 'path' | 'query' | 'header';
  description: string;
  required?: boolean;
  schema: Schema;
}
interface Answer {
  $ref?: string;
  content?: Record<string, { schema: Schema }>;
}
interface Operation {
  /** Whether it asks for a job. */
  starts?: boolean;
  operationId: string;
  summary: string;
  description: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<string, Answer>;
  security?: Record<string, string[]>[];
  'x-idempotent-by'?: string;
  'x-repeatable'?: string;
  'x-async'?: object;
  'x-list'?: { type: string };
}
interface Document {
  paths: Record<string, Record<string, Operation> & { parameters?: Parameter[] }>;
  components: { schemas: Record<string, Schema>; parameters: Record<string, Parameter>; responses: Record<string, Answer> };
}
interface Input {
  name: string;
  wire: string;
  place: Parameter['in'];
  parameter: Parameter;
}

/** A 304 has no body, a read gives its version, and a stream is resumed by `after`. */
const LEFT_OUT = new Set(['If-None-Match', 'Last-Event-ID']);
const LEFT_OUT_OF_READS = new Set(['If-Match']);
/** What a job can run has two methods: one that waits for the response, and one that starts the job. */
const PREFERRED = 'Prefer';
const HEADER_KEY = 'Idempotency-Key';

/** What each operation may write, as the service has it. */
const WRITES: Readonly<Record<string, readonly string[]>> = {
  set: ['set', 'moment'],
  setNow: ['moment'],
  listInsert: ['list'],
  listRemove: ['list'],
};

const document = withNames(JSON.parse(readFileSync(bundle, 'utf8')) as Document);
const imported = new Set<string>();

/** Say in the types which tables there are and what each has; what the service says of newer ones is read all the same. */
function withNames(known: Document): Document {
  const { schemas } = known.components;
  const kinds = new Map(Object.values(schemas).flatMap(({ 'x-record': kind }) => (kind ? [[kind.table, kind] as const] : [])));
  schemas.TableName!.enum = [...kinds.keys()].sort();
  schemas.RecordPath!.enum = [...new Set([...kinds.values()].flatMap(({ writable = {} }) => Object.keys(writable)))].sort();
  const { additionalProperties, ...versions } = schemas.VersionsByTable!;
  schemas.VersionsByTable = { ...versions, properties: Object.fromEntries([...kinds.keys()].map((table) => [table, additionalProperties!])) };
  for (const schema of schemas.RecordOperation!.oneOf!) {
    const operation = schemas[named(schema.$ref!)]!;
    const variants = [...kinds.values()].flatMap((kind) => variant(operation, kind));
    if (variants.length > 0) schemas[named(schema.$ref!)] = { description: operation.description, oneOf: variants };
  }
  return known;
}

/** An operation on one table: none when the records of that table do not allow it. */
function variant({ description: _, ...operation }: Schema, { table, create, writable = {}, ...kind }: RecordFacts): Schema[] {
  const [op] = operation.properties!.op!.enum!;
  const paths = Object.keys(writable).filter((path) => WRITES[op!]?.includes(writable[path]!));
  const names: Record<string, Schema> = { table: { type: 'string', enum: [table] } };
  if (op === 'create' && create) names.record = create;
  else if (paths.length > 0) names.path = { type: 'string', enum: paths };
  else if (op !== 'delete' || !kind.delete) return [];
  return [{ ...operation, properties: { ...operation.properties, ...names } }];
}

function named(reference: string): string {
  return reference.split('/').at(-1)!;
}

function used(name: string): string {
  imported.add(name);
  return name;
}

function typeOf(schema: Schema): string {
  if (schema.$ref) return used(named(schema.$ref));
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.type === 'integer' || schema.type === 'number') return 'number';
  if (schema.type === 'string' || schema.type === 'boolean') return schema.type;
  throw new Error(`Give this schema a name in the contract: ${JSON.stringify(schema)}`);
}

/** A time may be given as a Date, which JSON and the query have as RFC 3339. */
function isTime(schema: Schema): boolean {
  return (schema.$ref ? document.components.schemas[named(schema.$ref)]! : schema).format === 'date-time';
}

/** The type of a body with its times as texts or Dates. */
function bodyInputOf(body: string): string {
  const { properties = {}, required = [] } = document.components.schemas[body]!;
  const times = Object.entries(properties).filter(([, schema]) => isTime(schema));
  if (!times.length) return body;
  const given = times.map(([name, schema]) => `${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema)} | Date`);
  return `Omit<${body}, ${times.map(([name]) => `'${name}'`).join(' | ')}> & { ${given.join('; ')} }`;
}

function camel(name: string): string {
  const joined = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return joined[0]!.toLowerCase() + joined.slice(1);
}

function comment(indent: string, ...paragraphs: string[]): string {
  const lines = paragraphs.map((text) => text.trim()).filter(Boolean).join('\n\n').split('\n');
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`;
}

function inputsOf(method: string, operation: Operation, shared: Parameter[]): Input[] {
  return [...shared, ...(operation.parameters ?? [])]
    .map((parameter) => (parameter.$ref ? document.components.parameters[named(parameter.$ref)]! : parameter))
    .filter(({ name }) => !LEFT_OUT.has(name) && !(method === 'get' && LEFT_OUT_OF_READS.has(name)))
    .map((parameter) => ({ name: camel(parameter.name), wire: parameter.name, place: parameter.in, parameter }));
}

function resultOf(operation: Operation): { type: string; gives: string } {
  const [, found] = Object.entries(operation.responses).find(([status]) => status.startsWith('2'))!;
  const response = found.$ref ? document.components.responses[named(found.$ref)]! : found;
  const [media, content] = Object.entries(response.content ?? {})[0] ?? [];
  if (!media || !content) return { type: 'void', gives: 'nothing' };
  if (media === 'text/event-stream') return { type: 'ReadableStream<Uint8Array>', gives: 'stream' };
  return { type: typeOf(content.schema), gives: 'json' };
}

function bodyOf(operation: Operation): string | undefined {
  const schema = operation.requestBody?.content['application/json']?.schema;
  return schema && typeOf(schema);
}

function refuseCollisions(operation: Operation, inputs: Input[], body: string | undefined): void {
  const fields = body ? Object.keys(document.components.schemas[body]!.properties ?? {}) : [];
  const taken = inputs.filter((input) => fields.includes(input.name));
  if (taken.length) throw new Error(`${operation.operationId} has ${taken[0]!.name} twice: rename one in the contract.`);
}

function interfaceOf(operation: Operation, inputs: Input[], body: string | undefined): string {
  const name = inputName(operation);
  const fields = inputs.map(
    ({ name: field, parameter }) =>
      comment('  ', parameter.description) + `  ${field}${parameter.required ? '' : '?'}: ${typeOf(parameter.schema)}${isTime(parameter.schema) ? ' | Date' : ''};\n`,
  );
  const about = comment('', `What \`${operation.operationId}\` takes.`);
  const input = body && bodyInputOf(body);
  if (input && !fields.length) return `${about}export type ${name} = ${input};\n`;
  if (input !== body) return `${about}export type ${name} = ${input} & {\n${fields.join('')}};\n`;
  return `${about}export interface ${name}${body ? ` extends ${body}` : ''} {\n${fields.join('')}}\n`;
}

function inputName(operation: Operation): string {
  return `${operation.operationId[0]!.toUpperCase()}${operation.operationId.slice(1)}Input`;
}

function methodOf(path: string, method: string, operation: Operation, inputs: Input[], body: string | undefined): string {
  const { type, gives } = resultOf(operation);
  const optional = !inputs.some((input) => input.parameter.required) && !operation.requestBody?.required;
  const inputType = inputs.length || body ? inputName(operation) : 'NoInput';
  const names = inputs.map((input) => input.name);
  const unpacked = [...names, ...(body ? ['...body'] : [])].join(', ');
  return [
    comment('  ', operation.summary, operation.description),
    `  ${operation.operationId}(${unpacked ? 'input' : '_input'}: ${inputType}${optional ? ' = {}' : ''}, `,
    `options: CallOptions = {}): Promise<${type}> {\n`,
    unpacked ? `    const { ${unpacked} } = input;\n` : '',
    `    return this.call<${type}>(\n      {\n`,
    [
      `method: '${method.toUpperCase()}'`,
      `url: '${path}'`,
      ...['path', 'query', 'header'].flatMap((place) => group(place, inputs, operation.starts)),
      ...(body ? ['body'] : []),
      `gives: '${gives}'`,
      `signedIn: ${(operation.security ?? []).some((way) => 'bearerAuth' in way)}`,
      ...(operation['x-idempotent-by'] || operation['x-repeatable'] ? ['repeatable: true'] : []),
    ]
      .map((line) => `        ${line},\n`)
      .join(''),
    '      },\n      options,\n    );\n  }\n',
  ].join('');
}

/** The operation, and beside it the one that starts a job of it, if there is one. */
function withStart([method, operation]: [string, Operation]): [string, Operation][] {
  if (!operation['x-async']) return [[method, operation]];
  const parameters = operation.parameters!.filter(({ $ref }) => named($ref ?? '') !== PREFERRED);
  const { '202': accepted, ...responses } = operation.responses;
  const name = operation.operationId;
  const started = {
    ...operation,
    operationId: `start${name[0]!.toUpperCase()}${name.slice(1)}`,
    summary: `${operation.summary}, by a job`,
    description: 'The service responds at once with the job, which `waitForJob` waits for.',
    parameters,
    responses: { '202': accepted! },
    starts: true,
  };
  // A read does nothing twice without a key.
  const own = parameters.filter(({ $ref }) => method !== 'get' || named($ref ?? '') !== 'IdempotencyKey');
  return [[method, { ...operation, parameters: own, responses }], [method, started]];
}

function group(place: string, inputs: Input[], starts = false): string[] {
  const members = inputs.filter((input) => input.place === place).map(({ name, wire, parameter }) => {
    if (isTime(parameter.schema)) return `${wire}: ${name} instanceof Date ? ${name}.toISOString() : ${name}`;
    if (wire === HEADER_KEY) return `'${wire}': ${name} ?? newKey()`;
    return name === wire ? name : `'${wire}': ${name}`;
  });
  if (place === 'header' && starts) members.unshift(`'${PREFERRED}': 'respond-async'`);
  const name = place === 'header' ? 'headers' : place;
  return members.length ? [`${name}: { ${members.join(', ')} }`] : [];
}

function records(): string {
  const found = Object.entries(document.components.schemas).flatMap(([name, schema]) => {
    const record = schema['x-record'];
    return record && !name.endsWith('OrNull') ? [{ name, record }] : [];
  });
  const types = found.map(({ name, record }) => `  ${record.table}: ${used(name)};\n`).join('');
  const kinds = found.map(({ record }) => {
    const create = record.create?.$ref ? document.components.schemas[named(record.create.$ref)] : record.create;
    const known = { writable: record.writable ?? {}, creatable: Object.keys(create?.properties ?? {}) };
    return `  ${record.table}: ${JSON.stringify(known)},\n`;
  });
  return [
    comment('', 'The type of the records of each table.'),
    `export interface RecordTypes {\n${types}}\n\n`,
    comment('', 'The kinds of lists that can be followed.'),
    `export type ListType = ${lists().map((type) => `'${type}'`).join(' | ')};\n\n`,
    comment('', 'What operations may write of the records of each table.'),
    `export const RECORDS: Readonly<Record<keyof RecordTypes, RecordKind>> = {\n${kinds.join('')}};\n`,
  ].join('');
}

function lists(): string[] {
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item as Record<string, Operation>));
  return operations.flatMap((operation) => operation['x-list']?.type ?? []).sort();
}

const HEAD = `
/** What every method takes besides its input. */
export interface CallOptions {
  /** Aborts the call: it rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Makes the call as the account of this id, or not at all. */
  account?: string;
}

/** For operations that take nothing. */
export type NoInput = Record<string, never>;

/** One request, as the contract describes it. */
export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  path?: Record<string, string | number>;
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string | undefined>;
  body?: object;
  gives: 'json' | 'nothing' | 'stream';
  /** Whether the access token belongs to it, if there is one. */
  signedIn: boolean;
  /** Whether the contract says that sending it twice is sending it once. */
  repeatable?: boolean;
}

/** \`set\`, \`moment\` or \`list\` for each field that may be written, and the fields that a new record may have. */
export interface RecordKind {
  writable: Readonly<Record<string, string>>;
  creatable: readonly string[];
}
`;

function operations(): string {
  const interfaces: string[] = [];
  const methods: string[] = [];
  for (const [path, { parameters: shared = [], ...item }] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item as Record<string, Operation>).flatMap(withStart)) {
      const inputs = inputsOf(method, operation, shared);
      const body = bodyOf(operation);
      refuseCollisions(operation, inputs, body);
      if (inputs.length || body) interfaces.push(interfaceOf(operation, inputs, body));
      methods.push(methodOf(path, method, operation, inputs, body));
    }
  }
  const body = [
    HEAD,
    records(),
    ...interfaces,
    '/** Every operation of the contract, under its operationId. */\n' +
      'export abstract class Operations {\n' +
      '  protected abstract call<Result>(call: Call, options: CallOptions): Promise<Result>;\n\n' +
      `${methods.join('\n')}}\n`,
  ].join('\n');
  const types = [...imported].sort().join(', ');
  return `// This file is auto-generated by clients/typescript/generate.ts\n\nimport type { ${types} } from './types.gen.js';\nimport { newKey } from '../retries.js';\n${body}`;
}

/** The table of errors that both SDKs have. */
function meanings(): string {
  const { codes, statuses, statusesOfProxies } = JSON.parse(readFileSync(errors, 'utf8')) as Record<string, object>;
  const rows = (table: object) =>
    Object.entries(table).map(([name, meaning]) => `  ${name}: ${JSON.stringify(meaning)},\n`).join('');
  return [
    '// This file is auto-generated by clients/typescript/generate.ts\n',
    `/**
 * What becomes of a request that was refused so: \`final\`, the service would say the same another time; \`again\`, nothing
 * was done; \`repeat\`, sent again where twice is once; \`wait\`, not until something else changes.
 */
export type Step = 'final' | 'again' | 'repeat' | 'wait';

/** The class of an error, and what comes next. */
export interface Meaning {
  error: string;
  step: Step;
}
`,
    `export const CODES: Readonly<Record<string, Meaning>> = {\n${rows(codes!)}};\n`,
    comment('', 'For codes that are newer than this package. A 409 may mean many things, so it has no class.').trimEnd(),
    `export const STATUSES: Readonly<Record<number, Meaning>> = {\n${rows(statuses!)}};\n`,
    comment('', "What a proxy says in the service's place and means as the service does.").trimEnd(),
    `export const OF_A_PROXY: readonly number[] = ${JSON.stringify(statusesOfProxies)};\n`,
  ].join('\n');
}

const folder = process.argv[2] ?? join(here, 'src', 'generated');
await createClient({
  input: document as object,
  logs: { level: 'silent' },
  output: { path: folder, clean: true, importFileExtension: '.js' },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript'],
});
writeFileSync(join(folder, 'operations.gen.ts'), operations());
writeFileSync(join(folder, 'errors.gen.ts'), meanings());
