/** `npm run drill`: from a fresh checkout to a database that was lost and restored. */
import { startStory } from './story.mjs';

await startStory('drill', 'demo/drill.ts');
