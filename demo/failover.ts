import { type Customer, expectBalance, expectStatus, untilConfirmed } from './moves.js';
import { POLICY } from './settings.js';
import type { Stage } from './stage.js';
import { expectThat, waitFor } from './wait.js';
import { ada, seconds } from './words.js';

const ADA = 1_000_000n;
/** The contract's bound for a leader that crashed. */
const TAKEOVER_MS_MAX = 5_000;
const RACES = 20;

export async function twoInstances(stage: Stage): Promise<void> {
  const { narrator, devnet } = stage;
  narrator.chapter(
    'Two instances',
    'Both are the same `teller run`. One leads and writes; the other waits for its turn.',
  );
  await stage.start('A');
  const leader = await stage.leader();
  await stage.start('B');
  await stage.recorded();
  const blocks = devnet.chain.blocks().length;
  narrator.held(`${leader.name} leads and has caught up with the ${blocks} blocks there were`);
}

export async function leaderKilled(stage: Stage, bob: Customer): Promise<void> {
  const { narrator } = stage;
  narrator.chapter(
    'The leader dies',
    'kill -9: no goodbye, no clean-up. A deposit arrives while nobody leads.',
  );
  const victim = await stage.leader();
  const killedAt = performance.now();
  await victim.kill();
  narrator.say(`teller ${victim.name}`, `(process ${victim.pid} was killed)`);
  const block = stage.makeBlock([{ pay: [{ address: bob.address, lovelace: 7n * ADA }] }]);
  narrator.say('chain', `block ${block.height}: a transaction pays 7 ada to bob; nobody looks`);
  const successor = await waitFor('the standby leads', TAKEOVER_MS_MAX, stage.signal, () =>
    stage.instances().find((instance) => instance.leads),
  );
  const tookMs = performance.now() - killedAt;
  await stage.recorded();
  const [transaction] = block.transactions;
  expectThat(transaction !== undefined, 'the block is empty');
  await expectStatus(stage, { block, transaction }, 'pending');
  narrator.held(`${successor.name} took over after ${seconds(tookMs)} and found the deposit`);
  await stage.start(victim.name);
  await untilConfirmed(stage, { block, transaction });
  await expectBalance(stage, bob.userId, { available: 9n * ADA, pending: 0n });
  narrator.held(`${victim.name} was started again and stands by; bob has 9 ada`);
}

/** @returns the addresses that were registered */
export async function registrationRace(stage: Stage): Promise<readonly string[]> {
  const { api, narrator } = stage;
  narrator.chapter(
    'A registration races with a block',
    `${RACES} addresses are registered through the standby, another process than the one that`,
    'reads the chain, and each is paid in a block made the moment the answer is there.',
  );
  const standby = await stage.standby();
  const unmute = stage.mute();
  const addresses: string[] = [];
  const lovelace = 2n * ADA;
  for (let i = 0; i < RACES; i += 1) {
    const address = stage.newAddress();
    const { status } = await api.register(address, 'carol', standby);
    stage.devnet.mine([{ pay: [{ address, lovelace }] }]);
    expectThat(status === 201, `registering answered ${status}`);
    addresses.push(address);
  }
  await stage.recorded();
  narrator.say('chain', `${RACES} blocks, each made a moment after a registration`);
  const found = (await api.payments()).filter(({ userId }) => userId === 'carol');
  expectThat(found.length === RACES, `${found.length} of ${RACES} payments were recorded`);
  for (let i = 1; i < POLICY.small; i += 1) await stage.mine();
  unmute();
  await expectBalance(stage, 'carol', { available: lovelace * BigInt(RACES), pending: 0n });
  narrator.held(`none was missed: carol has ${ada(lovelace * BigInt(RACES))}`);
  return addresses;
}

export async function calmStop(stage: Stage): Promise<void> {
  const { narrator } = stage;
  narrator.chapter(
    'A planned restart',
    'SIGTERM: the leader finishes its block and lets go at once.',
  );
  const leader = await stage.leader();
  const began = performance.now();
  const exitCode = await leader.stop();
  expectThat(exitCode === 0, `the leader ended with ${exitCode ?? 'a signal'}`);
  await stage.leader();
  narrator.held(`handed over in ${seconds(performance.now() - began)}, exit code 0`);
  await stage.start(leader.name);
}
