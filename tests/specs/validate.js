// Checks every asyncapi.yaml and openapi.yaml below a folder by its specification's own parser, and
// every example in them against the schema it stands at.
//
//   node validate.js FOLDER      node validate.js --self-test

import { readFile, readdir, mkdtemp, mkdir, writeFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { Parser } from '@asyncapi/parser';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import YAML from 'yaml';

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

const escaped = (key) => encodeURIComponent(String(key).replace(/~/g, '~0').replace(/\//g, '~1'));
const pointerOf = (keys) => keys.map((key) => `/${escaped(key)}`).join('');

const load = async (url) => YAML.parse(await readFile(fileURLToPath(url), 'utf8'));

// The documents stay as they were written: ajv follows their references, into other files too, so
// that circular schemas are no matter.
class Examples {
  constructor(url, document, AjvClass) {
    this.url = url;
    this.document = document;
    this.count = 0;
    this.problems = [];
    this.ajv = new AjvClass({
      strict: false,
      allErrors: true,
      validateSchema: false,
      loadSchema: async (uri) => Examples.asSchema(await load(uri)),
    });
    addFormats.default ? addFormats.default(this.ajv) : addFormats(this.ajv);
    this.ajv.addSchema(Examples.asSchema(document), url, undefined, false);
  }

  // The documents' own ids and dialects are none of JSON Schema.
  static asSchema(document) {
    const { id, $id, $schema, ...rest } = document;
    return rest;
  }

  async check(schemaAt, exampleAt, value) {
    this.count += 1;
    try {
      const validate = await this.ajv.compileAsync({ $ref: `${this.url}#${pointerOf(schemaAt)}` });
      if (!validate(value)) {
        for (const e of validate.errors) {
          this.problems.push(`${pointerOf(exampleAt)}${e.instancePath}: ${e.message}`);
        }
      }
    } catch (error) {
      this.problems.push(`${pointerOf(exampleAt)}: ${error.message}`);
    }
  }

  lookUp(reference) {
    if (!reference.startsWith('#/')) return undefined;
    return reference
      .slice(2)
      .split('/')
      .map((p) => decodeURIComponent(p).replace(/~1/g, '/').replace(/~0/g, '~'))
      .reduce((at, key) => at?.[key], this.document);
  }

  // A schema's `examples` (a list) and `example`, and those of the schemas in it.
  async checkSchema(schema, at) {
    if (!isObject(schema)) return;
    if (Array.isArray(schema.examples)) {
      for (const [i, value] of schema.examples.entries()) {
        await this.check(at, [...at, 'examples', i], value);
      }
    }
    if ('example' in schema) await this.check(at, [...at, 'example'], schema.example);
    for (const key of ['properties', 'patternProperties', '$defs', 'definitions']) {
      for (const [name, inner] of Object.entries(schema[key] ?? {})) {
        await this.checkSchema(inner, [...at, key, name]);
      }
    }
    for (const key of ['oneOf', 'anyOf', 'allOf', 'prefixItems']) {
      for (const [i, inner] of (schema[key] ?? []).entries()) {
        await this.checkSchema(inner, [...at, key, i]);
      }
    }
    for (const key of ['items', 'additionalProperties', 'not', 'if', 'then', 'else', 'contains']) {
      await this.checkSchema(schema[key], [...at, key]);
    }
  }
}

// --- AsyncAPI ---------------------------------------------------------------------------------

async function checkMessage(examples, message, at) {
  if (!isObject(message) || message.$ref) return;
  const places = {};
  for (const part of ['payload', 'headers']) {
    if (message[part] === undefined) continue;
    // A multi-format schema names its format beside the schema itself.
    places[part] = message[part].schemaFormat ? [...at, part, 'schema'] : [...at, part];
    const schema = message[part].schemaFormat ? message[part].schema : message[part];
    await examples.checkSchema(schema, places[part]);
  }
  for (const [i, example] of (message.examples ?? []).entries()) {
    for (const part of ['payload', 'headers']) {
      if (example[part] === undefined) continue;
      const place = [...at, 'examples', i, part];
      if (places[part]) await examples.check(places[part], place, example[part]);
      else examples.problems.push(`${pointerOf(place)}: the message has no ${part} to check it by`);
    }
  }
}

async function checkAsyncApi(file) {
  const source = await readFile(file, 'utf8');
  const diagnostics = await new Parser().validate(source, { source: file });
  const problems = [];
  const notes = [];
  for (const d of diagnostics) {
    const text = `${d.path.join('/')}: ${d.message} (line ${d.range.start.line + 1})`;
    (d.severity === 0 ? problems : notes).push(text);
  }
  const document = YAML.parse(source);
  if (!/^3\./.test(document?.asyncapi ?? '')) problems.push('asyncapi: version 3 is wanted');
  if (problems.length) return { problems, notes, count: 0 };

  const examples = new Examples(pathToFileURL(file).href, document, Ajv);
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) {
    await examples.checkSchema(schema, ['components', 'schemas', name]);
  }
  for (const [name, message] of Object.entries(document.components?.messages ?? {})) {
    await checkMessage(examples, message, ['components', 'messages', name]);
  }
  for (const [group, channels] of [
    [['channels'], document.channels],
    [['components', 'channels'], document.components?.channels],
  ]) {
    for (const [channel, { messages }] of Object.entries(channels ?? {})) {
      for (const [name, message] of Object.entries(messages ?? {})) {
        await checkMessage(examples, message, [...group, channel, 'messages', name]);
      }
    }
  }
  return { problems: examples.problems, notes, count: examples.count };
}

// --- OpenAPI ----------------------------------------------------------------------------------

// Media types, parameters and headers have a `schema` with examples beside it.
async function walkOpenApi(examples, node, at) {
  if (Array.isArray(node)) {
    for (const [i, inner] of node.entries()) await walkOpenApi(examples, inner, [...at, i]);
    return;
  }
  if (!isObject(node)) return;
  if (isObject(node.schema)) {
    const schemaAt = [...at, 'schema'];
    await examples.checkSchema(node.schema, schemaAt);
    if ('example' in node) await examples.check(schemaAt, [...at, 'example'], node.example);
    for (const [name, named] of Object.entries(node.examples ?? {})) {
      const example = named.$ref ? examples.lookUp(named.$ref) : named;
      const place = [...at, 'examples', name];
      if (!isObject(example)) {
        examples.problems.push(`${pointerOf(place)}: ${named.$ref} leads nowhere`);
      } else if ('value' in example) {
        await examples.check(schemaAt, place, example.value);
      }
    }
  }
  for (const [key, inner] of Object.entries(node)) {
    if (key === 'schema' || key === 'schemas' || key === 'example' || key === 'examples') continue;
    await walkOpenApi(examples, inner, [...at, key]);
  }
}

async function checkOpenApi(file) {
  const document = YAML.parse(await readFile(file, 'utf8'));
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  const problems = [];
  if (!valid) {
    const list = Array.isArray(errors) ? errors : [{ instancePath: '', message: String(errors) }];
    problems.push(...list.map((e) => `${e.instancePath}: ${e.message}`));
  }
  if (!/^3\.1/.test(document?.openapi ?? '')) problems.push('openapi: version 3.1 is wanted');
  if (problems.length) return { problems, notes: [], count: 0 };
  try {
    validator.resolveRefs();
  } catch (error) {
    return { problems: [error.message], notes: [], count: 0 };
  }
  const examples = new Examples(pathToFileURL(file).href, document, Ajv2020);
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) {
    await examples.checkSchema(schema, ['components', 'schemas', name]);
  }
  await walkOpenApi(examples, document, []);
  return { problems: examples.problems, notes: [], count: examples.count };
}

// ----------------------------------------------------------------------------------------------

const CHECKS = { 'asyncapi.yaml': checkAsyncApi, 'openapi.yaml': checkOpenApi };

async function find(folder) {
  const found = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await find(at)));
    else if (CHECKS[entry.name]) found.push(at);
  }
  return found.sort();
}

async function run(folder) {
  let passed = 0;
  let failed = 0;
  for (const file of await find(folder)) {
    let result;
    try {
      result = await CHECKS[path.basename(file)](file);
    } catch (error) {
      result = { problems: [error.message], notes: [], count: 0 };
    }
    const name = path.relative(folder, file);
    for (const note of result.notes) console.log(`${name}: note: ${note}`);
    for (const problem of result.problems) console.log(`${name}: ${problem}`);
    if (result.problems.length) failed += 1;
    else passed += 1;
    console.log(`${result.problems.length ? 'FAIL' : 'ok'} ${name} (${result.count} examples)`);
  }
  return { passed, failed };
}

// --- Self-test: each kind of mistake must be seen -----------------------------------------------

const ASYNC_GOOD = `
asyncapi: 3.0.0
info: { title: t, version: '1', description: d }
channels:
  c:
    address: /ws
    messages:
      hello: { $ref: '#/components/messages/hello' }
operations:
  sendHello: { action: send, channel: { $ref: '#/channels/c' } }
components:
  messages:
    hello:
      payload: { $ref: '#/components/schemas/Hello' }
      examples: [{ name: one, payload: { o: 10, next: { o: 1 } } }]
  schemas:
    Hello:
      type: object
      required: [o]
      properties:
        o: { type: integer, examples: [10] }
        next: { $ref: '#/components/schemas/Hello' }
`;
const OPEN_GOOD = `
openapi: 3.1.0
info: { title: t, version: '1' }
paths:
  /thread/{id}:
    get:
      parameters:
        - { name: id, in: path, required: true, schema: { type: string, format: uuid },
            example: a2d40043-9282-45dd-9eab-b72588c3a6d6 }
      responses:
        '200':
          description: d
          content:
            application/json:
              schema: { $ref: '#/components/schemas/T' }
              examples: { one: { value: { n: 1 } } }
components:
  schemas:
    T: { type: object, required: [n], properties: { n: { type: [integer, 'null'] } } }
`;
const CASES = [
  ['asyncapi.yaml', ASYNC_GOOD, true],
  ['asyncapi.yaml', ASYNC_GOOD.replace('3.0.0', '2.6.0'), false],
  ['asyncapi.yaml', ASYNC_GOOD.replace('action: send', 'action: shout'), false],
  ['asyncapi.yaml', ASYNC_GOOD.replace("payload: { $ref: '#/components", "payload: { $ref: '#/none"), false],
  ['asyncapi.yaml', ASYNC_GOOD.replace('next: { o: 1 }', 'next: { o: x }'), false],
  ['asyncapi.yaml', ASYNC_GOOD.replace('payload: { o: 10,', 'payload: {'), false],
  ['asyncapi.yaml', ASYNC_GOOD.replace('examples: [10]', 'examples: [ten]'), false],
  ['asyncapi.yaml', 'asyncapi: [', false],
  ['openapi.yaml', OPEN_GOOD, true],
  ['openapi.yaml', OPEN_GOOD.replace('3.1.0', '3.0.3').replace(/\[integer.*?\]/, 'integer'), false],
  ['openapi.yaml', OPEN_GOOD.replace('in: path', 'in: soup'), false],
  ['openapi.yaml', OPEN_GOOD.replace('schemas/T', 'schemas/No'), false],
  ['openapi.yaml', OPEN_GOOD.replace('{ n: 1 }', '{ n: x }'), false],
  ['openapi.yaml', OPEN_GOOD.replace('a2d40043', 'nothex00'), false],
  ['openapi.yaml', OPEN_GOOD.replace('{ n: 1 }', '{ m: 1 }'), false],
];

async function selfTest() {
  const folder = await mkdtemp(path.join(tmpdir(), 'specs-'));
  let passed = 0;
  let failed = 0;
  try {
    for (const [i, [name, text, good]] of CASES.entries()) {
      const file = path.join(folder, String(i), name);
      await mkdir(path.dirname(file));
      await writeFile(file, text);
      let problems;
      try {
        ({ problems } = await CHECKS[name](file));
      } catch (error) {
        problems = [error.message];
      }
      if ((problems.length === 0) === good) passed += 1;
      else {
        failed += 1;
        console.log(`FAIL self-test ${i} (${name}): ${problems.join('; ') || 'nothing was found'}`);
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return { passed, failed };
}

const argument = process.argv[2];
const { passed, failed } = await (argument === '--self-test' ? selfTest() : run(argument ?? '.'));
if (passed + failed === 0) console.log('no asyncapi.yaml or openapi.yaml was found');
console.log(`#count ${passed} ${failed} 0`);
process.exitCode = failed || !passed ? 1 : 0;
