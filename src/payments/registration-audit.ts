/** SQL: what an entry `l` of the audit log says as a number under that key, where it can be a height; null else. */
export const heightIn = (key: string): string => `
  case when jsonb_typeof(l.details -> '${key}') = 'number'
        and (l.details -> '${key}')::numeric between -1 and ${Number.MAX_SAFE_INTEGER}
       then (l.details -> '${key}')::numeric::bigint end`;

/** SQL: the entry `l` tells of an address that was registered. */
export const REGISTERED = "l.entity_type = 'payment_address' and l.action = 'address.registered'";
