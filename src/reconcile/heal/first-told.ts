const FIRST_INCLUSIONS = [1, 2];

/** Of a payment whose row another hand put in nothing tells but what a block made of it. */
const KEYS = ['payment.detected', 'payment.confirmed', 'payment.rolled_back']
  .flatMap((type) =>
    FIRST_INCLUSIONS.map(
      (inclusion) => `'${type}:' || l.tx_hash || '#' || l.output_index || ':${inclusion}'`,
    ),
  )
  .join(', ');

/**
 * Of payments (`tx_hash`, `output_index` of a relation) the event that first told of each, as `data`. It stands
 * under the first inclusion; or under the second, where the first was ignored as its address's past, of which
 * nothing is told. Whatever another hand made of an event, what can be read comes before what can't, and then the first.
 *
 * @param readable condition on the event `o`
 */
export const firstTold = (relation: string, readable: string): string => `
  select l.tx_hash, l.output_index, e.data, e.readable
    from ${relation} l
   cross join lateral (
     select o.data, coalesce(${readable}, false) as readable from outbox o
      where o.event_key = any (array[${KEYS}])
      order by 2 desc, o.event_key like 'payment.detected:%' desc, o.event_key limit 1) e`;
