/** The first `most` values keep their name, all later ones share `other`; no value is `none`. */
export function boundedLabels(most: number): (value: string | null) => string {
  const known = new Set<string>();
  return (value) => {
    if (value === null) return 'none';
    if (known.size < most) known.add(value);
    return known.has(value) ? value : 'other';
  };
}
