import type { Finding } from '../model/finding.js';

/** An address that doesn't belong to whom the audit log says that it was registered for, if for anybody. */
export type Dispute = {
  readonly address: string;
  /** False where the audit log has no registration of it. */
  readonly isRegistered: boolean;
  readonly registeredFor: string | null;
  /** Whose it is in the books; null where they don't have the address any more. */
  readonly userId: string | null;
};

/** An address of which another hand said from when on it counts. Heights as they are stored. */
export type Beginning = {
  readonly address: string;
  readonly watchedFrom: string | null;
  readonly auditedFrom: string | null;
  readonly backfill: boolean;
  readonly auditedBackfill: boolean;
  /** Of a ledger that can't have been asked for its past, because the address wasn't watched yet; null else. */
  readonly askedAt: string | null;
};

/** Rows in partitions that this database doesn't have: nobody follows them. */
export type StrayRows = {
  readonly what: 'addresses' | 'payments' | 'outputs of the hot wallet';
  readonly count: number;
  readonly partitions: readonly number[];
  /** So many there are, from 0 on. */
  readonly laidOutFor: number;
};

const PERSON = 'a person must say which is right';
const BY_SETTLING = 'with `teller address settle`';

const showDispute = ({ address, isRegistered, registeredFor, userId }: Dispute): string => {
  if (!isRegistered) {
    return (
      `address ${address} belongs to ${userId ?? 'nobody'}, and the audit log has no registration of it: ` +
      `a person must say whose it is, ${BY_SETTLING}`
    );
  }
  const registered = `the audit log says that it was registered for ${registeredFor ?? 'nobody'}`;
  return userId === null
    ? `address ${address} isn't in the books, and ${registered}: ${PERSON}; \`teller address add\` puts it there again`
    : `address ${address} belongs to ${userId}, and ${registered}: ${PERSON}, ${BY_SETTLING}`;
};

/** The address itself may be what was changed: then nobody but a person knows whose the money is. */
export const doubtOwners = (
  findings: readonly Finding[],
  disputes: ReadonlyMap<string, Dispute>,
): Finding[] => doubtAt(findings, disputes, showDispute);

const BY_REPAIR = '`teller reconcile --repair` sets it right';

function showBeginning(of: Beginning): string {
  const { address, watchedFrom, auditedFrom, backfill, askedAt } = of;
  if (askedAt !== null) {
    return (
      `the past of address ${address} was asked for at block ${askedAt}, before it was watched: ` +
      'a person must set backfilled_height to the height of that question'
    );
  }
  const said = [
    watchedFrom === auditedFrom
      ? null
      : `counts above block ${watchedFrom ?? 'unknown'}, and by the audit log above ${auditedFrom ?? 'unknown'}`,
    backfill === of.auditedBackfill
      ? null
      : `asks ${backfill ? '' : 'not '}for its past, and by the audit log ${backfill ? 'nobody did' : 'somebody did'}`,
  ].filter((one) => one !== null);
  return `address ${address} ${said.join('; it ')}: ${BY_REPAIR}`;
}

/** Until its address counts from where it did nobody knows what must be recorded there. */
export const doubtBeginnings = (
  findings: readonly Finding[],
  beginnings: ReadonlyMap<string, Beginning>,
): Finding[] => doubtAt(findings, beginnings, showBeginning);

function doubtAt<Doubted>(
  findings: readonly Finding[],
  at: ReadonlyMap<string, Doubted>,
  show: (doubted: Doubted) => string,
): Finding[] {
  return findings.map((finding) => {
    if (finding.unexplained !== null || finding.recorded?.kind === 'wallet') return finding;
    const doubted = at.get(finding.address) ?? at.get(finding.recorded?.address ?? '');
    return doubted === undefined ? finding : { ...finding, unexplained: show(doubted) };
  });
}

const SHOWN = 3;

/** What no output can be named for, in words; null where there is nothing to say. */
export function disputesInWords(
  disputes: readonly Dispute[],
  others: readonly string[],
): string | null {
  return inWords([...someOf(disputes.map(showDispute)), ...others]);
}

export const showBeginnings = (beginnings: readonly Beginning[]): string[] =>
  someOf(beginnings.map(showBeginning));

function someOf(words: readonly string[]): string[] {
  const more = words.length - SHOWN;
  const rest = more > 0 ? [`so it is with ${more} more addresses`] : [];
  return [...words.slice(0, SHOWN), ...rest];
}

export const showStray = ({ what, count, partitions, laidOutFor }: StrayRows): string =>
  `${count} ${what} in partition ${partitions.join(', ')}, which nobody follows: this database has ` +
  `${laidOutFor}, from 0 on, and a person must say where they belong`;

/** Heights of addresses that no registration and no question of the ledger can have left. */
export type UnreachedHeights = {
  readonly count: number;
  readonly first: string;
  readonly cursorHeight: number;
};

export const showUnreached = ({ count, first, cursorHeight }: UnreachedHeights): string =>
  `watched_from or backfilled_height of ${count === 1 ? 'address' : `${count} addresses, the first of them`} ` +
  `${first} stands above the cursor, block ${cursorHeight}, where no registration can have put it: ` +
  'a person must say from when on what is paid there counts';

/** @param userId whose deposit address the hot wallet is said to be */
export const showSharedWallet = (hotWallet: string, userId: string): string =>
  `address ${hotWallet} is the hot wallet, and registered for ${userId} as well: nobody is credited with what ` +
  'it receives, and `teller run` will not start again like this; a person must take it out of ' +
  'payment_addresses, or set HOT_WALLET_ADDRESS to another address';

/** What differs without any single output to be named, as one text; null where nothing does. */
export function inWords(words: readonly (string | null | undefined)[]): string | null {
  const said = words.filter((one) => typeof one === 'string');
  return said.length === 0 ? null : said.join('; ');
}
