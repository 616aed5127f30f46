import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { SETTINGS } from '../src/config/settings.js';
import { createMetrics } from '../src/health/metrics.js';
import { PAYMENT_STATUSES } from '../src/payments/payment.js';
import { PAYOUT_STATUSES } from '../src/payouts/model/payout.js';
import { HOLDING_STATES } from '../src/payouts/wallet/wallet.js';
import { BACKUP_SETS } from '../src/reconcile/backup/backup-sets.js';
import { DISCREPANCY_TYPES } from '../src/reconcile/model/finding.js';
import { DISCREPANCY_STATES } from '../src/reconcile/runs/run-reads.js';
import { runTeller } from '../src/verbs/program.js';
import { root } from './support/sources.js';

const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

/** The contract's alerts, each with the metrics that it needs. */
const CONTRACT_ALERTS: Readonly<Record<string, readonly string[]>> = {
  PaymentMonitorSyncLag: ['payment_monitor_sync_lag'],
  PaymentMonitorSyncLagCritical: ['payment_monitor_sync_lag'],
  PaymentMonitorNoLeader: ['payment_monitor_is_leader'],
  PaymentMonitorChainStalled: ['payment_monitor_seconds_since_last_block'],
  PaymentMonitorDeepRollback: ['payment_monitor_rollback_depth_blocks'],
  NoPaymentsDetected: ['payments_detected_total'],
  HotWalletLow: ['hot_wallet_balance_ada'],
  HotWalletCritical: ['hot_wallet_balance_ada'],
  PayoutStuck: ['payout_queue_depth'],
  PayoutFailed: ['payouts_total'],
  ReconciliationDiscrepancy: ['reconciliation_discrepancies'],
  ReconciliationOverdue: ['reconciliation_last_success_timestamp_seconds'],
  BalanceMismatch: ['balance_mismatches'],
  WebhookDeliveryFailing: ['webhook_deliveries_total'],
};

/** Ours besides. */
const OWN_ALERTS = [
  'PayoutsPaused',
  'PayoutsHeld',
  'HotWalletUnknownSpend',
  'PayoutAttemptsWithoutCommonInput',
  'ChainSplitSuspected',
  'WitnessSilent',
  'BackupOverdue',
  'VerificationOverdue',
  'ReservesShort',
  'BalancesBelowZero',
  'LedgerSealsLost',
  'LedgerUnsealed',
];

/** Runbooks for what nothing can alert of: the worker isn't there any more. */
const RUNBOOKS_WITHOUT_ALERT = ['Restore'];

/** Words of a command that are values of a flag. */
const VALUES: readonly string[] = [
  ...PAYMENT_STATUSES,
  ...PAYOUT_STATUSES,
  ...HOLDING_STATES,
  ...BACKUP_SETS,
  ...DISCREPANCY_STATES,
  'full',
  'origin',
];

const rules = read('ops/alerts.yml').replace(/^\s*#.*$/gm, '');
const alerts = rules
  .split(/^ +- (?=alert: )/m)
  .slice(1)
  .map((text) => ({ name: /^alert: (\w+)/.exec(text)?.[1] ?? text, text }));

describe('alert rules', () => {
  test('are those of the contract whose metrics exist', async () => {
    const exported = await exportedMetrics();
    const due = Object.entries(CONTRACT_ALERTS).filter(([, needs]) =>
      needs.every((metric) => exported.has(metric)),
    );
    const names = alerts.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(due.map(([name]) => name)));
    const known = [...Object.keys(CONTRACT_ALERTS), ...OWN_ALERTS];
    expect(known).toEqual(expect.arrayContaining(names));
  });

  test('name only metrics that we export', async () => {
    const exported = await exportedMetrics();
    const recorded = new Set(rules.match(/(?<=record: )\S+/g));
    const named = metricsIn(rules).filter((name) => !recorded.has(name));
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !exported.has(family(name)))).toEqual([]);
  });

  test.each(alerts)('$name has a severity, words and a runbook', ({ name, text }) => {
    expect(text).toMatch(/severity: (info|warning|critical)\n/);
    expect(text).toMatch(/summary: \S/);
    expect(text).toMatch(/description: \S/);
    expect(text).toContain(`runbook_url: ops/runbooks/${name}.md\n`);
    expect(read(`ops/runbooks/${name}.md`)).toMatch(
      /^# \w+\n[\s\S]+## Look[\s\S]+\*\*Escalate\*\*/,
    );
  });

  test.each(alerts)('$name is tested for firing and for not firing', ({ name }) => {
    const expectations = read('ops/alerts.test.yml')
      .split('eval_time:')
      .filter((text) => text.includes(`alertname: ${name}\n`));
    expect(expectations.some((text) => text.includes('exp_alerts: []'))).toBe(true);
    expect(expectations.some((text) => text.includes('exp_labels:'))).toBe(true);
  });

  test('leave no runbook without an alert', () => {
    const runbooks = readdirSync(`${root}ops/runbooks`).map((file) => file.replace('.md', ''));
    const expected = [...alerts.map(({ name }) => name), ...RUNBOOKS_WITHOUT_ALERT];
    expect(runbooks.sort()).toEqual([...new Set(expected)].sort());
  });
});

describe('runbooks', () => {
  test('give only commands and flags that exist', async () => {
    const commands = readdirSync(`${root}ops/runbooks`).flatMap((file) =>
      [...read(`ops/runbooks/${file}`).matchAll(/`teller ([^`]+)`/g)].map(
        ([, words]) => words ?? '',
      ),
    );
    expect(commands).toContain('status');
    for (const command of new Set(commands)) {
      const words = command.split(' ');
      const verbs = words.filter((word) => /^[a-z]/.test(word) && !VALUES.includes(word));
      const help = await ask([...verbs, '--help']);
      expect(help, command).toContain(`Usage: teller ${verbs.join(' ')}`);
      for (const flag of words.filter((word) => word.startsWith('--'))) {
        expect(help, command).toContain(flag);
      }
    }
  });
});

describe('types of discrepancies', () => {
  const rowsOf = (path: string): string[] =>
    read(path).match(/^\| `\w+_(in_db|mismatch)` \|.+$/gm) ?? [];

  test('are explained by the runbook as by the README, each of them', () => {
    const rows = rowsOf('ops/runbooks/ReconciliationDiscrepancy.md');
    expect(rows.map((row) => /`(\w+)`/.exec(row)?.[1]).sort()).toEqual(
      [...DISCREPANCY_TYPES].sort(),
    );
    expect(rows).toEqual(rowsOf('README.md'));
  });
});

describe('the container', () => {
  const dockerfile = read('Dockerfile');
  const last = dockerfile.split(/^FROM /m).at(-1) ?? '';
  const instructions = (name: string) => [
    ...last.matchAll(new RegExp(`^(?:HEALTHCHECK [sS]*?)?${name} (.+)$`, 'gm')),
  ];

  test('is built in stages, and the one that runs has production dependencies alone', () => {
    expect(dockerfile.match(/^FROM /gm)?.length).toBeGreaterThan(1);
    expect(dockerfile).toMatch(/AS dependencies\n[\s\S]*npm ci --omit=dev/);
    expect(last).toContain('COPY --from=dependencies /app/node_modules');
    expect(last).not.toMatch(/^RUN /m);
  });

  test('runs as nobody special', () => {
    const users = instructions('USER').map(([, user]) => user);
    expect(users).toHaveLength(1);
    expect(users[0]).not.toMatch(/^(root|0)\b/);
  });

  test('starts node itself, so that signals reach it', () => {
    for (const name of ['ENTRYPOINT', 'CMD']) {
      const commands = instructions(name).map(([, command]) => command ?? '');
      expect(commands.length).toBeGreaterThan(0);
      for (const command of commands) expect(JSON.parse(command)).toBeInstanceOf(Array);
    }
    expect(last).toMatch(/^ENTRYPOINT \["node"/m);
  });

  test('tells whether it is alive', () => {
    expect(last).toMatch(/^HEALTHCHECK [\s\S]*\/health\/live/m);
  });

  test('has everything it runs from, and all of that is sent to the builder', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(
      ([, paths]) => paths?.split(' ') ?? [],
    );
    expect(copied).toEqual(expect.arrayContaining(['migrations', 'src', 'package.json']));
    const sent = read('.dockerignore').split('\n');
    for (const path of copied) {
      expect(existsSync(`${root}${path}`), path).toBe(true);
      expect(sent).toContain(`!${path}`);
    }
  });
});

describe('the README', () => {
  test('has every setting in its table', () => {
    const rows = read('README.md')
      .split('\n')
      .filter((line) => line.startsWith('|'));
    const cells = rows.map((row) => row.split('|')[1] ?? '').join('\n');
    const missing = Object.values(SETTINGS)
      .map(({ variable }) => variable)
      .filter((variable) => !cells.includes(`\`${variable}\``));
    expect(missing).toEqual([]);
  });
});

/** What `teller` answers, on whichever stream. */
async function ask(words: readonly string[]): Promise<string> {
  let answer = '';
  const write = (text: string) => {
    answer += text;
  };
  const terminal = { environment: {}, out: write, err: write, isInteractive: false };
  await runTeller(words, terminal, () => Promise.resolve(0));
  return answer;
}

/** Names as `/metrics` gives them, before anything happened. */
async function exportedMetrics(): Promise<Set<string>> {
  const registry = new Registry();
  createMetrics(registry, () => 0);
  return new Set((await registry.getMetricsAsJSON()).map(({ name }) => name));
}

/** Metrics in expressions: all words with an underscore that aren't functions, labels or strings. */
function metricsIn(text: string): string[] {
  const expressions = [...text.matchAll(/expr: (?:>\n([\s\S]*?)\n {8}\w+:|(.+))/g)].map(
    ([, folded, line]) => folded ?? line ?? '',
  );
  const words = expressions
    .map((expression) => expression.replace(/\{[^}]*\}|\b(by|on|ignoring) \([^)]*\)/g, ' '))
    .flatMap((expression) => expression.match(/\b[a-z0-9_:]+\b(?!\s*\()/g) ?? []);
  return [...new Set(words)].filter((word) => word.includes('_'));
}

/** A histogram is exported under its name with one of three endings. */
function family(name: string): string {
  return name.replace(/_(bucket|sum|count)$/, '');
}
