import { kindOf, type RabbitKind } from './queue-info.ts';
import type { Session } from './session.ts';

/** Without the management API. */
export async function detectKind(_session: Session, _name: string, _signal: AbortSignal): Promise<RabbitKind> {
  return kindOf(null);
}
