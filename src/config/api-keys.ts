export const API_SCOPES = ['read', 'write', 'payout', 'approve', 'admin'] as const;
export type ApiScope = (typeof API_SCOPES)[number];

/** A caller of `/v1`; only the key's hash is ever configured. */
export type ApiKey = {
  readonly name: string;
  readonly scopes: ReadonlySet<ApiScope>;
  /** SHA-256 of the key, 32 bytes. */
  readonly sha256: Uint8Array;
};

export type ParsedApiKeys =
  | { readonly ok: true; readonly keys: readonly ApiKey[] }
  | { readonly ok: false; readonly problem: string };

const isScope = (text: string): text is ApiScope =>
  (API_SCOPES as readonly string[]).includes(text);

/** Reads `name:scope+scope:sha256hex,…`. Problems name the key by its position: a wrong entry may be a secret. */
export function parseApiKeys(text: string): ParsedApiKeys {
  const keys: ApiKey[] = [];
  for (const [index, entry] of text.split(',').entries()) {
    const position = `key ${index + 1}`;
    const [name = '', scopeList = '', digest = '', ...rest] = entry.trim().split(':');
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name) || rest.length > 0) {
      return refuse(`${position} isn't name:scope+scope:sha256hex`);
    }
    const scopes = scopeList.split('+');
    if (!scopes.every(isScope)) {
      return refuse(`${position} has an unknown scope; there are ${API_SCOPES.join(', ')}`);
    }
    if (!/^[0-9a-fA-F]{64}$/.test(digest)) {
      return refuse(
        `${position} needs the SHA-256 of the key in hex (64 digits), not the key itself`,
      );
    }
    if (keys.some((key) => key.name === name)) {
      return refuse(`${position} has a name that is taken; audit entries couldn't tell them apart`);
    }
    keys.push({ name, scopes: new Set(scopes), sha256: Buffer.from(digest, 'hex') });
  }
  return { ok: true, keys };
}

const refuse = (problem: string): ParsedApiKeys => ({ ok: false, problem });
