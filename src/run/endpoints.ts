import { type Config, ConfigError } from '../config.js';
import type { Endpoints } from '../sync/endpoints.js';
import { createNodeMemory, type NodeMemory } from '../sync/node-memory.js';

type Keys = Pick<Config, 'network' | 'ogmiosApiKeyHeader' | 'ogmiosApiKeyParam'>;

export function endpointsOf(
  config: Keys & Pick<Config, 'ogmiosUrls' | 'ogmiosApiKeys'>,
): Endpoints {
  const [first, ...others] = config.ogmiosUrls.map((url) => url.reveal());
  if (first === undefined) throw new ConfigError(['OGMIOS_URL: is required and is not set']);
  return endpointsAt([first, ...others], config.ogmiosApiKeys, config);
}

/** Null where there are no witnesses. */
export function witnessEndpointsOf(
  config: Keys & Pick<Config, 'witnessUrls' | 'witnessApiKeys'>,
): Endpoints | null {
  const [first, ...others] = (config.witnessUrls ?? []).map((url) => url.reveal());
  if (first === undefined) return null;
  return endpointsAt([first, ...others], config.witnessApiKeys, config);
}

const endpointsAt = (
  urls: Endpoints['urls'],
  keys: Config['ogmiosApiKeys'],
  config: Keys,
): Endpoints => ({
  urls,
  keys: (keys ?? []).map((key) => key.reveal()),
  keyHeader: config.ogmiosApiKeyHeader,
  keyParam: config.ogmiosApiKeyParam,
  nodes: nodesOf(config),
});

/** Settings are read once, and handed to whoever dials: those who were given the same ones share what they know. */
const memories = new WeakMap<Keys, NodeMemory>();

function nodesOf(config: Keys): NodeMemory {
  const memory = memories.get(config) ?? createNodeMemory(config.network);
  memories.set(config, memory);
  return memory;
}
