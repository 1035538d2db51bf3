import type { Broker } from '../contract/broker.ts';
import type { Call } from '../contract/call.ts';

/** A broker to take readings from. */
export interface Source {
  /** Its name in the readings; unique among those that are read together. */
  readonly context: string;
  /** Called again after the connection was lost. */
  connect(call: Call): Promise<Broker>;
}
