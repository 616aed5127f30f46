import { type Customer, expectBalance, include, pay, untilConfirmed } from './moves.js';
import { POLICY } from './settings.js';
import type { Stage } from './stage.js';
import { expectThat } from './wait.js';
import { ada } from './words.js';

const ADA = 1_000_000n;
const MAINNET_MAGIC = 764_824_073;
/** A token as anybody can mint it; the name is "demo" in hex. */
const TOKEN = `${'c0ffee'.repeat(9)}aa64656d6f`;
const TOKENS = 2n ** 63n - 1n;

export async function giveOutAddresses(stage: Stage): Promise<readonly [Customer, Customer]> {
  const { api, narrator } = stage;
  narrator.chapter(
    'Addresses',
    'The company gives each customer an address and registers it. Only these are watched.',
  );
  const enrol = async (userId: string): Promise<Customer> => {
    const address = stage.newAddress();
    const { status } = await api.register(address, userId);
    narrator.say(
      'company',
      `POST /v1/addresses for ${userId}: ${address.slice(0, 24)}… → ${status}`,
    );
    expectThat(status === 201, `registering answered ${status}`);
    return { userId, address };
  };
  const ann = await enrol('ann');
  const bob = await enrol('bob');
  const again = await api.register(ann.address, 'ann');
  const taken = await api.register(ann.address, 'mallory');
  const foreign = await api.register(stage.newAddress(MAINNET_MAGIC), 'bob');
  expectThat(again.status === 200, `the same registration again answered ${again.status}`);
  narrator.held("the same again changes nothing (200), somebody else's address is refused (409)");
  expectThat(taken.status === 409, `somebody else's address answered ${taken.status}`);
  expectThat(foreign.status === 422, `an address of mainnet answered ${foreign.status}`);
  narrator.held(`an address of another network is refused (422): ${detailOf(foreign.body)}`);
  return [ann, bob];
}

const detailOf = (body: unknown): string =>
  typeof body === 'object' && body !== null && 'detail' in body ? String(body.detail) : '';

export async function deposit(stage: Stage, ann: Customer): Promise<void> {
  stage.narrator.chapter(
    'A deposit',
    `A block can be taken back by a fork, so money counts only ${POLICY.small} blocks deep ` +
      `(${POLICY.large} from ${POLICY.largeFromAda} ada on).`,
  );
  const paid = await pay(stage, ann, 25n * ADA);
  await expectBalance(stage, ann.userId, { available: 0n, pending: 25n * ADA });
  await untilConfirmed(stage, paid);
  await expectBalance(stage, ann.userId, { available: 25n * ADA, pending: 0n });
  stage.narrator.held('ann has 25 ada available, credited once');
}

export async function nativeTokens(stage: Stage, bob: Customer): Promise<void> {
  const { api, narrator } = stage;
  narrator.chapter(
    'Native tokens',
    'Quantities go up to 2^64-1, beyond what JSON numbers hold exactly. Every amount stays exact.',
  );
  const output = { address: bob.address, lovelace: 2n * ADA, assets: new Map([[TOKEN, TOKENS]]) };
  const paid = await include(stage, { pay: [output] }, `2 ada and ${TOKENS} demo tokens for bob`);
  await untilConfirmed(stage, paid);
  const { available } = await api.balance(bob.userId, TOKEN);
  expectThat(BigInt(available) === TOKENS, `bob has ${available} tokens`);
  await expectBalance(stage, bob.userId, { available: 2n * ADA, pending: 0n });
  narrator.held(`bob has ${available} tokens and the 2 ada that came with them`);
}

export async function fakeDeposit(stage: Stage, ann: Customer): Promise<void> {
  const { api, narrator } = stage;
  narrator.chapter(
    'A fake deposit',
    'A transaction whose script fails is in a block all the same, and lists outputs. They do not',
    'exist: only its collateral was spent. Crediting them is the classic way to lose money.',
  );
  const draft = { pay: [{ address: ann.address, lovelace: 10_000n * ADA }], failed: true };
  const { transaction } = await include(
    stage,
    draft,
    'a transaction "pays" 10000 ada to ann, its script failed',
  );
  expectThat(transaction.spends === 'collaterals', 'the devnet let the script pass');
  const payment = await api.payment(transaction.id, 0);
  expectThat(payment === undefined, 'the fake deposit was recorded');
  await expectBalance(stage, ann.userId, { available: 25n * ADA, pending: 0n });
  narrator.held('nothing was recorded or credited; ann still has 25 ada');
}

export async function dust(stage: Stage, ann: Customer): Promise<void> {
  const { narrator, api } = stage;
  narrator.chapter(
    'Dust',
    `Deposits below MIN_PAYMENT_LOVELACE (${ada(POLICY.minPaymentLovelace)} here) are recorded and credited to nobody.`,
  );
  const { transaction } = await pay(stage, ann, 1n * ADA);
  const payment = await api.payment(transaction.id, 0);
  expectThat(
    payment?.status === 'ignored',
    `the dust is ${payment?.status ?? 'not recorded'}, not ignored`,
  );
  await expectBalance(stage, ann.userId, { available: 25n * ADA, pending: 0n });
  narrator.held('status ignored, balance unchanged');
}
