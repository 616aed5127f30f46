import { BACKUP_SETS, type BackupSet } from './backup-sets.js';
import { PRODUCT } from './manifest.js';

const ENDING = '.zip';

/** `chain-teller-preprod-all-20260131T030000000Z.zip`: in a listing the newest of a set is last. */
export const nameOf = (network: string, set: BackupSet, createdAt: Date): string =>
  `${prefixOf(network, set)}${createdAt.toISOString().replace(/[-:.]/g, '')}${ENDING}`;

/** Whether a file's name is one that we gave to a backup of this network; then of which set. */
export function setOfName(name: string, network: string): BackupSet | null {
  if (!name.endsWith(ENDING)) return null;
  const isOf = (set: BackupSet): boolean => {
    const prefix = prefixOf(network, set);
    return name.startsWith(prefix) && /^\d{8}T\d{9}Z\.zip$/.test(name.slice(prefix.length));
  };
  return BACKUP_SETS.find(isOf) ?? null;
}

/** Of a custom network the name has a colon, which some file systems and URLs don't take. */
const prefixOf = (network: string, set: BackupSet): string =>
  `${PRODUCT}-${network.replace(/[^a-z0-9]/g, '-')}-${set}-`;
