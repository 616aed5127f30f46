import type { Network } from '../../src/chain/network.js';

const MAGIC = 42;
export const NETWORK: Network = { name: `custom:${MAGIC}`, networkId: 0, magic: MAGIC };
