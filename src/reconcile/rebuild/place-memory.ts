import type { Cursor } from '../../sync/events.js';

/** Places of blocks that a rollback may go back to; more than any honest node takes back. */
const PLACES_MAX = 5_000;

/** The heights of blocks that were read, which a rollback doesn't tell. */
export function createPlaceMemory() {
  const places = new Map<string, Cursor>();
  return {
    note(noted: readonly Cursor[]): void {
      for (const place of noted) {
        if (place.point !== 'origin') places.set(place.point.id, place);
        const [oldest] = places.keys();
        if (places.size > PLACES_MAX && oldest !== undefined) places.delete(oldest);
      }
    },
    find: (id: string): Cursor | null => places.get(id) ?? null,
  };
}
