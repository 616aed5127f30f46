import type { Pool } from 'pg';
import { type Config, ConfigError } from '../config.js';
import { notedWallets } from '../reconcile/runs/address-queries.js';

/**
 * Without the hot wallet its outputs would be left out, and what is open about them closed.
 *
 * @throws ConfigError where whoever follows the chain has noted another one
 */
export async function refuseOtherWallet(
  pool: Pool,
  { partitionId, hotWalletAddress }: Pick<Config, 'partitionId' | 'hotWalletAddress'>,
): Promise<void> {
  const noted = await notedWallets(pool, partitionId);
  if (noted.length === 0 || noted.some((address) => address === hotWalletAddress)) return;
  const given = hotWalletAddress === null ? 'not set' : `given ${hotWalletAddress}`;
  throw new ConfigError([
    `HOT_WALLET_ADDRESS: ${given}, wanted ${noted.join(' or ')}, which this database follows as the hot wallet; ` +
      'where that is no longer it, start `teller run` with the new setting first',
  ]);
}
