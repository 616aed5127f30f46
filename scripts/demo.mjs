/** `npm run demo`: from a fresh checkout to a running demonstration. */
import { startStory } from './story.mjs';

await startStory('demo', 'demo/main.ts');
