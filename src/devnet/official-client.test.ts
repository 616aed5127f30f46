import type { Schema } from '@cardano-ogmios/client';
import {
  createChainSynchronizationClient,
  createConnectionObject,
  createInteractionContext,
  createLedgerStateQueryClient,
  createMempoolMonitoringClient,
  createTransactionSubmissionClient,
  getServerHealth,
} from '@cardano-ogmios/client';
import { afterEach, describe, expect, test } from 'vitest';
import { makeWallet } from '../../test/support/devnet-wallet.js';
import type { Devnet } from './server.js';
import { startDevnet } from './server.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function started(version: '6' | '7'): Promise<Devnet> {
  const net = await startDevnet({ seed: 8, blocks: 30, version });
  closers.push(net.close);
  return net;
}

const contextOf = ({ port }: Devnet) =>
  createInteractionContext(
    (error) => {
      throw error;
    },
    () => undefined,
    { connection: { host: '127.0.0.1', port }, maxEventListeners: 50 },
  );

type Move = { readonly forward: boolean; readonly id: string };

/** Follows with the official client until `count` moves were seen. */
async function follow(net: Devnet) {
  const moves: Move[] = [];
  const blocks: Schema.Block[] = [];
  const client = await createChainSynchronizationClient(await contextOf(net), {
    rollForward: ({ block }, next) => {
      moves.push({ forward: true, id: block.id });
      blocks.push(block);
      next();
      return Promise.resolve();
    },
    rollBackward: ({ point }, next) => {
      moves.push({ forward: false, id: point === 'origin' ? point : point.id });
      next();
      return Promise.resolve();
    },
  });
  closers.push(() => client.shutdown());
  const reach = (count: number) => expect.poll(() => moves.length, { timeout: 10_000 }).toBe(count);
  return { client, moves, blocks, reach };
}

describe.each(['6', '7'] as const)(
  'the official client, unchanged, against Ogmios %s',
  (version) => {
    test('follows the chain, a fork, and resumes at a point', { timeout: 20_000 }, async () => {
      const net = await started(version);
      const { client, moves, blocks, reach } = await follow(net);
      await client.resume(['origin'], 10);
      await reach(31);
      const ids = (from: number) =>
        net.chain
          .blocks()
          .slice(from)
          .map(({ id }) => ({ forward: true, id }));
      expect(moves).toEqual([{ forward: false, id: 'origin' }, ...ids(0)]);

      const ancestor = net.chain.blocks()[26]!.id;
      net.fork(3, { blocks: 5 });
      await reach(37);
      expect(moves.slice(31)).toEqual([{ forward: false, id: ancestor }, ...ids(27)]);
      const sums = blocks.map((block) =>
        ('transactions' in block ? (block.transactions ?? []) : [])
          .flatMap(({ outputs }) => (outputs as Schema.TransactionOutput[] | undefined) ?? [])
          .reduce((sum, { value }) => sum + value.ada.lovelace, 0n),
      );
      const truth = net.chain
        .blocks()
        .map(({ transactions }) =>
          transactions
            .flatMap(({ outputs }) => outputs)
            .reduce((sum, one) => sum + one.lovelace, 0n),
        );
      expect([...sums.slice(0, 27), ...sums.slice(30)]).toEqual(truth);

      const again = await follow(net);
      const { point } = net.chain.blocks()[20]!;
      const { intersection } = await again.client.resume([point], 5);
      expect(intersection).toEqual(point);
      await again.reach(1 + net.chain.blocks().length - 21);
      expect(again.moves).toEqual([{ forward: false, id: point.id }, ...ids(21)]);
      await expect(again.client.resume([{ slot: 1, id: 'ab'.repeat(32) }])).rejects.toMatchObject({
        code: 1001,
      });
    });

    test('asks the ledger and the network', async () => {
      const net = await started(version);
      const { block, transaction } = net.payNow({
        address: net.chain.faucet,
        lovelace: 5_000_001n,
      });
      const client = await createLedgerStateQueryClient(await contextOf(net));
      closers.push(() => client.shutdown());
      await client.acquireLedgerState(block.point);
      net.mine();
      expect(await client.ledgerTip()).toEqual(block.point);
      const outputReferences = [{ transaction: { id: transaction.id }, index: 0 }];
      expect(await client.utxo({ outputReferences })).toMatchObject([
        { address: net.chain.faucet, value: { ada: { lovelace: 5_000_001n } } },
      ]);
      const held = await client.utxo({ addresses: [net.chain.faucet] });
      const truth = net.chain.unspentAt(block.id, [net.chain.faucet]);
      const sum = (values: bigint[]) => values.reduce((a, b) => a + b, 0n);
      expect(sum(held.map(({ value }) => value.ada.lovelace))).toBe(
        sum([...truth.values()].map(({ lovelace }) => lovelace)),
      );
      await client.releaseLedgerState();
      const { tip } = net.chain;
      expect(await client.networkBlockHeight()).toBe(tip === 'origin' ? tip : tip.height);
      expect(await client.networkTip()).toEqual(net.chain.blocks().at(-1)!.point);
      expect(await client.networkStartTime()).toBeInstanceOf(Date);
      expect(await client.eraSummaries()).toHaveLength(7);
      expect(await client.epoch()).toBe(0);
      expect(await client.protocolParameters()).toMatchObject({ minFeeCoefficient: 44 });
      expect(await client.genesisConfiguration('shelley')).toMatchObject({ networkMagic: 42 });
      await expect(
        client.acquireLedgerState({ slot: 1, id: 'ab'.repeat(32) }),
      ).rejects.toMatchObject({ code: 2000 });
    });

    test('submits, evaluates, and is told what is wrong', async () => {
      const net = await started(version);
      const wallet = makeWallet(5);
      const { transaction } = net.payNow({ address: wallet.address, lovelace: 9_000_000n });
      const sign = (lovelace: bigint) =>
        wallet.sign({
          spend: [`${transaction.id}#0`],
          pay: [{ address: net.chain.faucet, lovelace }],
        });
      const { id, cbor } = sign(8_800_000n);
      const client = await createTransactionSubmissionClient(await contextOf(net));
      closers.push(() => client.shutdown());
      const submit = (bytes: Buffer) => client.submitTransaction(bytes.toString('hex'));
      await expect(submit(sign(8_800_001n).cbor)).rejects.toMatchObject({
        code: 3123,
        data: {
          valueConsumed: { ada: { lovelace: 9_000_000n } },
          valueProduced: { ada: { lovelace: 9_000_001n } },
        },
      });
      expect(await client.evaluateTransaction(cbor.toString('hex'))).toEqual([]);
      expect(await submit(cbor)).toBe(id);
      await expect(submit(cbor)).rejects.toMatchObject({
        code: version === '6' ? 3117 : 3997,
      });
      expect(net.mine().transactions.map((one) => one.id)).toContain(id);
    });

    test('watches the mempool', async () => {
      const net = await started(version);
      const wallet = makeWallet(5);
      const { transaction } = net.payNow({ address: wallet.address, lovelace: 9_000_000n });
      const { id, cbor } = wallet.sign({
        spend: [`${transaction.id}#0`],
        pay: [{ address: wallet.address, lovelace: 8_800_000n }],
      });
      const client = await createMempoolMonitoringClient(await contextOf(net));
      closers.push(() => client.shutdown());
      const submission = await createTransactionSubmissionClient(await contextOf(net));
      closers.push(() => submission.shutdown());
      await client.acquireMempool();
      expect(await client.nextTransaction()).toBeNull();
      // A second snapshot is there once it differs from the first.
      const acquired = client.acquireMempool();
      await submission.submitTransaction(cbor.toString('hex'));
      await acquired;
      expect(await client.hasTransaction(id)).toBe(true);
      expect(await client.sizeOfMempool()).toMatchObject({
        currentSize: { bytes: cbor.length - 1 },
        transactions: { count: 1 },
      });
      expect(await client.nextTransaction({ fields: 'all' })).toMatchObject({
        id,
        outputs: [{ address: wallet.address, value: { ada: { lovelace: 8_800_000n } } }],
      });
      expect(await client.nextTransaction()).toBeNull();
      const emptied = client.acquireMempool();
      net.mine();
      await emptied;
      expect(await client.hasTransaction(id)).toBe(false);
      await client.releaseMempool();
      await expect(client.sizeOfMempool()).rejects.toMatchObject({ code: 4000 });
    });

    test('reads health', async () => {
      const net = await started(version);
      const connection = createConnectionObject({ host: '127.0.0.1', port: net.port });
      expect(await getServerHealth({ connection })).toMatchObject({
        lastKnownTip: net.chain.tip,
        networkSynchronization: 1,
      });
    });
  },
);
