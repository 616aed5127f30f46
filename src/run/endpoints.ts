import { type Config, ConfigError } from '../config.js';
import type { Endpoints } from '../sync/endpoints.js';

export function endpointsOf(
  config: Pick<
    Config,
    'network' | 'ogmiosUrls' | 'ogmiosApiKeys' | 'ogmiosApiKeyHeader' | 'ogmiosApiKeyParam'
  >,
): Endpoints {
  const [first, ...others] = config.ogmiosUrls.map((url) => url.reveal());
  if (first === undefined) throw new ConfigError(['OGMIOS_URL: is required and is not set']);
  return {
    urls: [first, ...others],
    keys: (config.ogmiosApiKeys ?? []).map((key) => key.reveal()),
    keyHeader: config.ogmiosApiKeyHeader,
    keyParam: config.ogmiosApiKeyParam,
    network: config.network,
  };
}
