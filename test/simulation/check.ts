/** Something that must hold, and what to say where it doesn't. */
export type Check = (holds: boolean, said: string) => void;

export const checkInto =
  (found: string[]): Check =>
  (holds, said) => {
    if (!holds) found.push(said);
  };
