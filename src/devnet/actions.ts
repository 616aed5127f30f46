import { z } from 'zod';
import { checkAddress } from '../chain/address.js';
import { parseNetwork } from '../chain/network.js';
import { faultSchema } from './faults.js';
import type { Devnet } from './server.js';

const amount = z
  .string()
  .regex(/^[1-9]\d{0,19}$/, 'must be a decimal string of 1 to 20 digits')
  .transform(BigInt)
  .refine((value) => value < 2n ** 64n, 'must be below 2^64');

const UNIT = /^[0-9a-f]{56}([0-9a-f]{2}){0,32}$/;

const assets = z
  .record(z.string(), amount)
  .refine((units) => Object.keys(units).every((unit) => UNIT.test(unit)), {
    error: 'units must be policy id and asset name, hex',
  });

const REFERENCE = /^[0-9a-f]{64}#(0|[1-9]\d{0,4})$/;

const FAULT_KINDS = faultSchema.options.map((option) => option.shape.kind.value);

/** All that can be asked of a running devnet, over HTTP and in scenario files. */
export const actionSchema = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.literal('pay'),
    address: z.string().min(1),
    lovelace: amount,
    assets: assets.default({}),
    mine: z.boolean().default(false),
  }),
  z.strictObject({
    do: z.literal('mine'),
    blocks: z.int().min(1).max(100_000).default(1),
    bytes: z
      .int()
      .min(1)
      .max(256 * 1024 * 1024)
      .optional(),
  }),
  z.strictObject({
    do: z.literal('fork'),
    depth: z.int().min(1),
    blocks: z.int().min(1).optional(),
    comeBack: z.enum(['all', 'none']).default('all'),
  }),
  z.strictObject({
    do: z.literal('split'),
    port: z.int().min(0).max(65_535).default(0),
    blockTimeMs: z.int().min(10).max(86_400_000).optional(),
  }),
  z.strictObject({
    do: z.literal('drift'),
    slots: z.int().min(1).max(1_000_000),
    share: z.number().min(0).max(1),
  }),
  z.strictObject({ do: z.literal('join'), winner: z.enum(['this', 'other']) }),
  z.strictObject({
    do: z.literal('spend'),
    references: z.array(z.string().regex(REFERENCE, 'must be TRANSACTION_ID#INDEX')).min(1),
    to: z.string().min(1).optional(),
    mine: z.boolean().default(false),
  }),
  z.strictObject({ do: z.literal('evict'), count: z.int().min(1).optional() }),
  z.strictObject({ do: z.literal('watch'), addresses: z.array(z.string().min(1)) }),
  z.strictObject({ do: z.literal('fault'), fault: faultSchema }),
  z.strictObject({ do: z.literal('heal'), kind: z.enum(FAULT_KINDS).optional() }),
]);

export type Action = z.output<typeof actionSchema>;

/** Does it, and says what came of it; amounts are decimal strings. */
export function perform(
  devnet: Devnet,
  action: Action,
): Record<string, unknown> | Promise<Record<string, unknown>> {
  switch (action.do) {
    case 'pay': {
      const { address, lovelace } = action;
      checkPayable(address, devnet.chain.networkMagic);
      const output = { address, lovelace, assets: new Map(Object.entries(action.assets)) };
      if (!action.mine) {
        devnet.pay(output);
        return { waiting: true };
      }
      const { block, transaction } = devnet.payNow(output);
      return { transaction: transaction.id, index: 0, block: block.id, height: block.height };
    }
    case 'mine': {
      const content = action.bytes === undefined ? [] : [{ bytes: action.bytes }];
      for (let i = 0; i < action.blocks; i += 1) devnet.mine(i === 0 ? content : []);
      return { tip: devnet.chain.tip };
    }
    case 'fork': {
      const { depth, blocks, comeBack } = action;
      devnet.fork(depth, { comeBack, ...(blocks === undefined ? {} : { blocks }) });
      return { tip: devnet.chain.tip };
    }
    case 'split':
      return splitOff(devnet, action);
    case 'drift': {
      const { slots, share } = action;
      return { ...devnet.drift({ slots, share }), tips: tipsOf(devnet) };
    }
    case 'join': {
      const other = devnet.other();
      if (other === null) throw new RangeError('there is one chain: split it first');
      const lost = action.winner === 'other' ? devnet.join(other.chain) : other.join(devnet.chain);
      return { lost, tips: tipsOf(devnet) };
    }
    case 'spend': {
      if (action.to !== undefined) checkPayable(action.to, devnet.chain.networkMagic);
      devnet.spend(action.references, action.to);
      return action.mine ? { tip: devnet.mine().point } : { waiting: true };
    }
    case 'evict':
      return { evicted: devnet.evict(action.count) };
    case 'watch':
      devnet.chain.watch(action.addresses);
      return { watched: action.addresses.length };
    case 'fault':
      devnet.inject(action.fault);
      return { faults: devnet.faults.list() };
    case 'heal':
      devnet.heal(action.kind);
      return { faults: devnet.faults.list() };
  }
}

async function splitOff(
  devnet: Devnet,
  { port, blockTimeMs }: Extract<Action, { do: 'split' }>,
): Promise<Record<string, unknown>> {
  const other = await devnet.split({
    port,
    ...(blockTimeMs === undefined ? {} : { blockTimeMs }),
  });
  return { url: other.url, control: `${other.httpUrl}/control`, tip: other.chain.tip };
}

const tipsOf = (devnet: Devnet) => ({
  this: devnet.chain.tip,
  other: devnet.other()?.chain.tip ?? null,
});

/** A payment that no wallet could make would test nothing but a typing error. */
function checkPayable(address: string, networkMagic: number): void {
  const network = parseNetwork(`custom:${networkMagic}`);
  if (network === undefined) return;
  const checked = checkAddress(address, network);
  if (!checked.ok) throw new RangeError(`${address}: ${checked.problem}`);
}
