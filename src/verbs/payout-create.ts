import { type Command, InvalidArgumentError } from 'commander';
import { ConfigError } from '../config.js';
import { type AcceptOutcome, acceptPayouts } from '../payouts/accepting/acceptance.js';
import {
  type Asking,
  checkPayout,
  IDEMPOTENCY_KEY_FORM,
  isIdempotencyKey,
  type PayoutBody,
  type PayoutRequest,
} from '../payouts/accepting/request.js';
import { readIdentity } from '../payouts/model/database-identity.js';
import { refuseOtherIdSecret } from '../payouts/model/id-secret.js';
import { showPayout } from '../payouts/model/payout.js';
import { POLICY_SETTINGS, payoutPolicyOf } from '../payouts/model/policy.js';
import { minimumLovelace } from '../payouts/transaction/minimum.js';
import { keyCaller, operator } from './caller.js';
import { refuseOtherNetwork, withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext, withExample } from './flags.js';
import { EXIT, sayJson, UsageError } from './terminal.js';

type Flags = JsonFlag & {
  readonly idempotencyKey: string;
  readonly to: string;
  readonly lovelace?: string;
  readonly ada?: string;
  readonly asset?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly reference?: string;
  readonly metadata?: Record<string, unknown>;
  readonly allowDepositAddress?: boolean;
};

export function addPayoutCreate(payout: Command, context: VerbContext): void {
  withExample(
    payout
      .command('create')
      .description(
        'asks for a payout, as the API key in TELLER_API_KEY (scope payout) where that is set',
      )
      .requiredOption('--idempotency-key <key>', 'the same again is the same payout, for good')
      .requiredOption('--to <address>', 'who is paid')
      .option('--lovelace <number>', 'how much')
      .option('--ada <amount>', 'how much, with up to six decimals', lovelaceOfAda)
      .option('--asset <unit=quantity>', 'a native asset on top; may be repeated', collectAsset)
      .option('--user <id>', "whose balance it is taken from; none: the treasury's")
      .option('--reference <text>', 'what it is for')
      .option('--metadata <json>', 'a JSON object that is kept with it', jsonObject)
      .option('--allow-deposit-address', "pays one of the company's own deposit addresses")
      .action((flags: Flags) => create(context, flags)),
    'teller payout create --idempotency-key order-1001 --to addr_test1vz… --ada 25.5 --user ann',
  );
}

async function create(context: VerbContext, flags: Flags): Promise<void> {
  const { terminal } = context;
  const body = bodyOf(flags);
  const names = [...POLICY_SETTINGS, 'partitionId', 'apiKeys'] as const;
  await withDatabase(terminal, names, async ({ pool, settings }) => {
    const policy = payoutPolicyOf(settings);
    const { idSecret: secret, network } = policy;
    if (secret === null) throw new ConfigError(["PAYOUT_ID_SECRET: is required and isn't set"]);
    const caller = keyCaller(terminal, settings.apiKeys, 'payout') ?? operator();
    const { idempotencyKey } = flags;
    const request = readRequest(body, { caller, idempotencyKey, secret, network });
    await refuseOtherNetwork(pool, settings);
    await refuseOtherIdSecret(pool, secret);
    const deps = { policy, minimumLovelace, seenUnits: new Set<string>(), readIdentity };
    const [outcome] = await acceptPayouts(pool, [request], deps);
    if (outcome === undefined) throw new Error('a request without an outcome');
    say(context, flags, outcome);
  });
}

function say(context: VerbContext, flags: JsonFlag, outcome: AcceptOutcome): void {
  const { terminal } = context;
  switch (outcome.type) {
    case 'created':
    case 'exists': {
      const { payout } = outcome;
      const told = outcome.type === 'created' ? 'accepted' : 'was accepted before';
      if (flags.json === true) return sayJson(terminal, showPayout(payout));
      return terminal.out(`${payout.id}: ${told}, ${payout.status.replace('_', ' ')}\n`);
    }
    case 'conflict':
      return refuse(context, flags, 'idempotency-key-reused', outcome.detail);
    case 'refused':
      return refuse(context, flags, outcome.refusal.type, outcome.refusal.detail);
  }
}

function refuse(context: VerbContext, flags: JsonFlag, refused: string, detail: string): void {
  if (flags.json === true) sayJson(context.terminal, { refused, detail });
  // What the API calls a field is a flag here.
  const told = detail.replace('send "allowDepositAddress": true', 'give --allow-deposit-address');
  context.terminal.err(`teller: not accepted: ${told}\n`);
  finish(context, EXIT.failed);
}

function bodyOf(flags: Flags): PayoutBody {
  if (!isIdempotencyKey(flags.idempotencyKey)) {
    throw new UsageError(`--idempotency-key: wanted ${IDEMPOTENCY_KEY_FORM}`);
  }
  const { lovelace, ada } = flags;
  const amountLovelace = lovelace ?? ada;
  if (amountLovelace === undefined || (lovelace !== undefined && ada !== undefined)) {
    throw new UsageError('--lovelace, --ada: wanted one of them');
  }
  return {
    destinationAddress: flags.to,
    amountLovelace,
    assets: flags.asset,
    userId: flags.user,
    referenceId: flags.reference,
    metadata: flags.metadata,
    allowDepositAddress: flags.allowDepositAddress,
  };
}

const FLAGS: Readonly<Record<string, string>> = {
  destinationAddress: '--to',
  amountLovelace: '--lovelace, --ada',
  userId: '--user',
  referenceId: '--reference',
  metadata: '--metadata',
};

function readRequest(body: PayoutBody, asking: Asking): PayoutRequest {
  const checked = checkPayout(body, asking);
  if (checked.ok) return checked.request;
  const { field, problem } = checked;
  throw new UsageError(`${FLAGS[field] ?? field.replace('assets.', '--asset ')}: ${problem}`);
}

function lovelaceOfAda(text: string): string {
  const [, whole, fraction = ''] = /^(\d{1,11})(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  if (whole === undefined) {
    throw new InvalidArgumentError('Wanted ada, with up to six decimals, like 25.5.');
  }
  return BigInt(whole + fraction.padEnd(6, '0')).toString();
}

function collectAsset(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const [, unit, quantity] = /^([^=]+)=(\d+)$/.exec(text) ?? [];
  if (unit === undefined || quantity === undefined) {
    throw new InvalidArgumentError('Wanted UNIT=QUANTITY.');
  }
  if (unit in before) throw new InvalidArgumentError('This unit was given before.');
  return { ...before, [unit]: quantity };
}

function jsonObject(text: string): Record<string, unknown> {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidArgumentError('Wanted a JSON object.');
  }
  return Object.fromEntries(Object.entries(value));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
