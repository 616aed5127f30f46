import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ValidateFunction } from 'ajv';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { goodOne, submissions } from '../../test/support/submissions.js';
import { makeAddress } from './address.js';
import { createChain } from './chain.js';
import { createRandom } from './random.js';
import type { OgmiosVersion } from './render.js';
import { createSession } from './session.js';
import { chainSource } from './source.js';

/** Official Ogmios schemas, which lie beside the repository and are never part of it. */
const FOLDERS = { 6: 'v6.14', 7: 'v7.0' };

const folderOf = (version: OgmiosVersion): string =>
  fileURLToPath(new URL(`../../../shared/ogmios/${FOLDERS[version]}/`, import.meta.url));

/** Says so, loudly, where they are absent. */
function officialSchemasAreHere(): boolean {
  const here = existsSync(folderOf(6)) && existsSync(folderOf(7));
  if (!here) console.warn('SKIPPED: the official Ogmios schemas are not in ../shared/ogmios');
  return here;
}

/** Validates what a devnet sends against the definition of that name (`NextBlockResponse`, …). */
type SchemaCheck = (name: string, message: unknown) => string[];

/** Read with the first message: where the files are absent, suites that are skipped are described all the same. */
function officialSchema(version: OgmiosVersion): SchemaCheck {
  let check: SchemaCheck | null = null;
  return (name, message) => {
    check ??= readSchema(version);
    return check(name, message);
  };
}

function readSchema(version: OgmiosVersion): SchemaCheck {
  const ajv = new Ajv({ strict: false, logger: false, validateFormats: false, allErrors: false });
  const ogmios = read(version, 'ogmios.json');
  const cardano = read(version, 'cardano.json');
  relax(ogmios, cardano);
  ajv.addSchema(cardano, 'cardano.json').addSchema(ogmios, 'ogmios.json');
  const compiled = new Map<string, ValidateFunction>();
  return (name, message) => {
    let validate = compiled.get(name);
    if (validate === undefined) {
      validate = ajv.compile({ $ref: `ogmios.json#/properties/${name}` });
      compiled.set(name, validate);
    }
    return validate(message) ? [] : (validate.errors ?? []).map((error) => JSON.stringify(error));
  };
}

type Schema = Record<string, unknown>;

function read(version: OgmiosVersion, file: string): Schema {
  const schema = JSON.parse(readFileSync(`${folderOf(version)}${file}`, 'utf8')) as Schema;
  // Ajv knows the files by the names they call each other, and draft 7 without being told.
  delete schema.$schema;
  delete schema.$id;
  return schema;
}

/**
 * Where the schemas contradict themselves nothing can be valid, and Ogmios' own answers aren't:
 * `Value.propertyNames` refuses the key `ada` that `Value` requires; `RpcError` requires the field
 * `string` and allows only `code`, `message`, `data`; Byron's genesis requires `protocolParameters`
 * and allows only `updatableParameters`.
 */
function relax(ogmios: Schema, cardano: Schema): void {
  const definitions = cardano.definitions as Record<string, Schema>;
  delete definitions.Value!.propertyNames;
  const byron = definitions['Genesis<Byron>']!;
  byron.required = (byron.required as string[]).filter((name) => name !== 'protocolParameters');
  const rpcError = (ogmios.properties as Record<string, Schema>).RpcError!;
  (rpcError.properties as Record<string, Schema>).error!.required = ['code', 'message'];
}

const watched = makeAddress('base', 42, createRandom('watched').bytes(28));

/** All eras in one chain, so that every shape of block is there. */
const ERAS = ['byron', 'shelley', 'allegra', 'mary', 'alonzo', 'babbage', 'conway'].map(
  (era, i) => ({
    fromHeight: i * 10,
    era,
  }),
);

const request = (method: string, params?: unknown, id: unknown = { n: 1 }): string =>
  JSON.stringify({ jsonrpc: '2.0', method, params, id });

describe.skipIf(!officialSchemasAreHere()).each([6, 7] as const)(
  'what Ogmios %i sends, by its official schema',
  (version) => {
    const check = officialSchema(version);
    const eras = version === 7 ? [...ERAS, { fromHeight: 70, era: 'dijkstra' }] : ERAS;
    const chain = createChain({
      seed: 21,
      eras,
      content: { watched: [watched], failedShare: 0.2 },
    });
    chain.mineBoundary();
    for (let i = 0; i < 120; i += 1) chain.mine('random');
    const source = chainSource(chain, { ledgerDepth: 100 });
    const session = createSession(source, { version });
    const ask = (method: string, params?: unknown): Record<string, unknown> => {
      const answers = session.handle(request(method, params));
      expect(answers).toHaveLength(1);
      return JSON.parse(answers[0]!) as Record<string, unknown>;
    };
    const point = (fromTip: number) => chain.blocks().at(-1 - fromTip)!.point;

    test('findIntersection: found, origin, not found, interleaved', () => {
      const unknown = { slot: 1, id: '0'.repeat(64) };
      const own = createSession(source, { version });
      const texts = [
        ...own.handle(request('findIntersection', { points: [unknown, point(3)] })),
        ...own.handle(request('findIntersection', { points: ['origin'] })),
        ...own.handle(request('findIntersection', { points: [unknown] })),
      ];
      for (let i = 0; i < 123; i += 1) own.handle(request('nextBlock'));
      texts.push(...own.handle(request('findIntersection', { points: ['origin'] })));
      const kinds = texts.map((text) => {
        expect(check('FindIntersectionResponse', JSON.parse(text))).toEqual([]);
        return /"code":\d+|"intersection":("origin"|\{)/.exec(text)?.[0];
      });
      expect(kinds).toEqual([
        '"intersection":{',
        '"intersection":"origin"',
        '"code":1000',
        '"code":1001',
      ]);
    });

    test('nextBlock: every block and both kinds of roll backward', () => {
      const seen = new Set<string>();
      for (let i = 0; i < 122; i += 1) {
        const answer = ask('nextBlock');
        expect(check('NextBlockResponse', answer), JSON.stringify(answer).slice(0, 2000)).toEqual(
          [],
        );
        const { direction, block } = answer.result as {
          direction: string;
          block?: { era: string };
        };
        seen.add(block?.era ?? direction);
      }
      expect([...seen]).toEqual(['backward', ...eras.map(({ era }) => era)]);
      session.handle(request('nextBlock'));
      chain.rollBack(2);
      chain.mine('random');
      const [back] = session.chainChanged();
      expect(check('NextBlockResponse', JSON.parse(back!))).toEqual([]);
      expect(back).toContain('"direction":"backward","point":{"slot"');
    });

    test('ledger states: acquired, unknown, too old, released', () => {
      for (const wanted of [point(5), { slot: 1, id: '0'.repeat(64) }, point(110)]) {
        const answer = ask('acquireLedgerState', { point: wanted });
        expect(check('AcquireLedgerStateResponse', answer)).toEqual([]);
      }
      expect(check('ReleaseLedgerStateResponse', ask('releaseLedgerState'))).toEqual([]);
    });

    test.each<[method: string, name: string, params: unknown]>([
      ['queryLedgerState/utxo', 'QueryLedgerStateUtxoResponse', {}],
      ['queryLedgerState/utxo', 'QueryLedgerStateUtxoResponse', { addresses: [watched] }],
      ['queryLedgerState/tip', 'QueryLedgerStateTipResponse', undefined],
      ['queryLedgerState/eraSummaries', 'QueryLedgerStateEraSummariesResponse', undefined],
      ['queryLedgerState/eraStart', 'QueryLedgerStateEraStartResponse', undefined],
      ['queryLedgerState/epoch', 'QueryLedgerStateEpochResponse', undefined],
      [
        'queryLedgerState/protocolParameters',
        'QueryLedgerStateProtocolParametersResponse',
        undefined,
      ],
      ['queryLedgerState/stakePools', 'QueryLedgerStateStakePoolsResponse', undefined],
      ['queryNetwork/tip', 'QueryNetworkTipResponse', undefined],
      ['queryNetwork/blockHeight', 'QueryNetworkBlockHeightResponse', undefined],
      ['queryNetwork/startTime', 'QueryNetworkStartTimeResponse', undefined],
      ...['byron', 'shelley', 'alonzo', 'conway'].map((era): [string, string, unknown] => [
        'queryNetwork/genesisConfiguration',
        'QueryNetworkGenesisConfigurationResponse',
        { era },
      ]),
    ])('%s as %s %o', (method, name, params) => {
      const answer = ask(method, params);
      expect(check(name, answer)).toEqual([]);
      expect(answer.method).toBe(method);
    });

    test('submitTransaction: taken, and every way to be refused', () => {
      for (const [what, cbor, outcome] of submissions(chain)) {
        const answer = ask('submitTransaction', { transaction: { cbor: cbor.toString('hex') } });
        expect(check('SubmitTransactionResponse', answer), what).toEqual([]);
        const { result, error } = answer as { result?: unknown; error?: { code: number } };
        const spent = version === 6 ? 3117 : 3997;
        const wanted = outcome === 'spent' ? spent : outcome;
        expect(result === undefined ? error?.code : 'taken', what).toBe(wanted);
      }
    });

    test('evaluateTransaction: nothing to evaluate, no transaction', () => {
      const cbor = goodOne(chain);
      const evaluate = (hex: string) =>
        ask('evaluateTransaction', { transaction: { cbor: hex }, additionalUtxo: [] });
      const good = evaluate(cbor.toString('hex'));
      expect(check('EvaluateTransactionResponse', good)).toEqual([]);
      expect(good.result).toEqual([]);
      const bad = evaluate('00');
      expect(check('EvaluateTransactionResponse', bad)).toEqual([]);
      expect(bad.error).toMatchObject({ code: -32602 });
    });

    test('the mempool: acquired, empty and not, released', () => {
      const own = createSession(source, { version });
      const tell = (name: string, method: string, params?: unknown) => {
        const answer = JSON.parse(own.handle(request(method, params))[0]!) as { error?: object };
        expect(check(name, answer), JSON.stringify(answer)).toEqual([]);
        return answer;
      };
      const id = '0'.repeat(64);
      for (const method of ['nextTransaction', 'sizeOfMempool', 'releaseMempool']) {
        const name = `${method[0]!.toUpperCase()}${method.slice(1)}Response`;
        expect(tell(name, method).error).toMatchObject({ code: 4000 });
      }
      expect(tell('HasTransactionResponse', 'hasTransaction', { id }).error).toBeDefined();
      chain.mine();
      const cbor = goodOne(chain);
      own.handle(request('submitTransaction', { transaction: { cbor: cbor.toString('hex') } }));
      tell('AcquireMempoolResponse', 'acquireMempool');
      expect(tell('HasTransactionResponse', 'hasTransaction', { id })).toMatchObject({
        result: false,
      });
      tell('SizeOfMempoolResponse', 'sizeOfMempool');
      const shown = tell('NextTransactionResponse', 'nextTransaction', { fields: 'all' });
      expect(shown).toMatchObject({ result: { transaction: { spends: 'inputs' } } });
      expect(tell('NextTransactionResponse', 'nextTransaction')).toMatchObject({
        result: { transaction: null },
      });
      tell('ReleaseMempoolResponse', 'releaseMempool');
    });

    test('errors: no JSON, no object, no method, unknown method, wrong parameters', () => {
      const bad = [
        'gibberish',
        '[]',
        '{"jsonrpc":"2.0","id":1}',
        '{"jsonrpc":"1.0","method":"nextBlock"}',
        request('nextblock'),
        request('findIntersection', { points: [{ slot: -1 }] }),
        request('acquireLedgerState', {}),
        request('queryLedgerState/utxo', { addresses: 'a' }),
        request('queryNetwork/genesisConfiguration', { era: 'mary' }),
        request('submitTransaction', { transaction: { cbor: 'xyz' } }),
        request('evaluateTransaction', {}),
      ];
      for (const text of bad) {
        const answers = createSession(source, { version }).handle(text);
        expect(answers).toHaveLength(1);
        expect(check('RpcError', JSON.parse(answers[0]!)), text).toEqual([]);
      }
    });

    test('the check itself refuses what is wrong', () => {
      expect(
        check('QueryNetworkTipResponse', { jsonrpc: '2.0', method: 'queryNetwork/tip' }),
      ).not.toEqual([]);
      const answer = ask('queryLedgerState/utxo', {});
      (answer.result as Record<string, unknown>[])[0]!.surprise = 1;
      expect(check('QueryLedgerStateUtxoResponse', answer)).not.toEqual([]);
    });
  },
);
