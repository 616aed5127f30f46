import { expect, test } from 'vitest';
import { readSettings } from '../config.js';
import { endpointsOf, witnessEndpointsOf } from './endpoints.js';
import { GUARD_SETTINGS } from './guard.js';

const read = (more: NodeJS.ProcessEnv = {}) =>
  readSettings({ NETWORK: 'preprod', OGMIOS_URL: 'ws://a.example', ...more }, GUARD_SETTINGS);

test('all that is dialled with the same settings shares what is known of nodes', () => {
  const config = read({ OGMIOS_WITNESS_URL: 'ws://b.example' });
  const { nodes } = endpointsOf(config);
  expect(nodes?.network.name).toBe('preprod');
  expect(endpointsOf(config).nodes).toBe(nodes);
  expect(witnessEndpointsOf(config)?.nodes).toBe(nodes);
});

test('other settings of the same process share nothing with them', () => {
  expect(endpointsOf(read()).nodes).not.toBe(endpointsOf(read()).nodes);
});
