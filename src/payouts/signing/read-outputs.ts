import { checkAddress } from '../../chain/address.js';
import { addressOfBytes } from '../../chain/address-bytes.js';
import type { AssetUnit, Lovelace } from '../../chain/block.js';
import type { Network } from '../../chain/network.js';

export type ReadOutput = {
  /** In its canonical text form. */
  readonly address: string;
  readonly lovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
};

/** Why a transaction isn't read any further; the message reads on from "the transaction ". */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

export function refuse(problem: string): never {
  throw new Refusal(problem);
}

const UINT_MAX = 0xffff_ffff_ffff_ffffn;

export function readUint(value: unknown, what: string): bigint {
  const isWhole =
    typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
  const number = isWhole ? BigInt(value) : -1n;
  return number >= 0n && number <= UINT_MAX ? number : refuse(`has no ${what}, or an odd one`);
}

/** Both forms of an output: `[address, value]` and `{0: address, 1: value}`; no datum, no script. */
export function readOutputs(value: unknown, network: Network): ReadOutput[] {
  if (!Array.isArray(value) || value.length === 0) return refuse('has no outputs');
  return value.map((output: unknown, index) => {
    const where = `output ${index}`;
    const [address, amount] = partsOf(output, where);
    return { address: readAddress(address, where, network), ...readValue(amount, where) };
  });
}

function partsOf(output: unknown, where: string): readonly [unknown, unknown] {
  if (Array.isArray(output) && output.length === 2) return [output[0], output[1]];
  if (output instanceof Map && output.size === 2 && output.has(0) && output.has(1)) {
    return [output.get(0), output.get(1)];
  }
  return refuse(`has more than address and value in ${where}, or less`);
}

function readAddress(bytes: unknown, where: string, network: Network): string {
  if (!(bytes instanceof Uint8Array)) return refuse(`has no address in ${where}`);
  const parsed = addressOfBytes(bytes);
  const checked = parsed.ok ? checkAddress(parsed.address.text, network) : parsed;
  if (!checked.ok) return refuse(`pays, in ${where}, an address that ${checked.problem}`);
  return checked.address.text;
}

function readValue(value: unknown, where: string): Omit<ReadOutput, 'address'> {
  if (!Array.isArray(value)) {
    return { lovelace: readUint(value, `amount in ${where}`), assets: new Map() };
  }
  const [lovelace, policies] = value as unknown[];
  if (value.length !== 2 || !(policies instanceof Map)) return refuse(`has odd tokens in ${where}`);
  const assets = new Map<AssetUnit, bigint>();
  for (const [policy, tokens] of policies) {
    if (!(tokens instanceof Map)) return refuse(`has odd tokens in ${where}`);
    for (const [name, quantity] of tokens) {
      const unit = hexOf(policy, 28, 28, where) + hexOf(name, 0, 32, where);
      const amount = readUint(quantity, `quantity in ${where}`);
      // Byte strings that are equal are different keys of a JavaScript Map.
      if (amount === 0n || assets.has(unit)) return refuse(`has odd tokens in ${where}`);
      assets.set(unit, amount);
    }
  }
  return { lovelace: readUint(lovelace, `amount in ${where}`), assets };
}

function hexOf(value: unknown, least: number, most: number, where: string): string {
  const fits = value instanceof Uint8Array && value.length >= least && value.length <= most;
  return fits ? Buffer.from(value).toString('hex') : refuse(`has odd tokens in ${where}`);
}
