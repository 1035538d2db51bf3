import type { Load } from '../state/detail.ts';
import { type Line, line } from './line.ts';
import { wrapped } from './padding.ts';
import { safe } from './safe.ts';

/** The text that replaces something that is not there yet: why, and which key gets it. */
export function waiting(load: Load<unknown> | null, width: number): readonly Line[] {
  const text = ((): string => {
    switch (load?.status) {
      case 'asked':
        return 'looking …';
      case 'priced':
        return `Looking is not free here: ${safe(load.price)}\nPress o to look all the same.`;
      case 'failed':
        return `${safe(load.reason)}\nPress l to try again.`;
      default:
        return 'Press l to look.';
    }
  })();
  return wrapped(text, width).map(line);
}
