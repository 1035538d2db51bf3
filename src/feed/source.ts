import type { Broker } from '../contract/broker.ts';
import type { Notice } from '../contract/queue.ts';

/** A broker to take readings from. */
export interface Source {
  /** Its name in the readings; unique among those that are read together. */
  readonly context: string;
  /** Called again after the connection was lost. */
  connect(options: { readonly notice: Notice; readonly signal: AbortSignal }): Promise<Broker>;
}
