import { EVERYTHING, selection } from '../../../src/core/selection.ts';
import type { TransferRequest } from '../../../src/core/transfer.ts';

/** Moves everything from `a` to `b`, and tells nobody. */
export function transferRequest(
  special: Partial<TransferRequest> & Pick<TransferRequest, 'destination'>,
): TransferRequest {
  return {
    operation: 'move',
    from: 'a',
    to: ['b'],
    guarantee: 'at-least-once',
    selection: selection(EVERYTHING),
    removes: true,
    onFailure: 'hold',
    bound: null,
    notAfter: null,
    max: null,
    pacer: null,
    window: 100,
    byPage: false,
    notice: () => {},
    onProgress: () => {},
    signal: new AbortController().signal,
    ...special,
  };
}
