import type { Command, Redis } from 'ioredis';
import { isMqError, MqError } from '../../../contract/errors.ts';
import { addressOf, type NodeAddress } from './cluster.ts';

/** Connects to one node, and throws if it does not answer. */
export type AskNode = (node: NodeAddress, ms: number) => Promise<void>;

/** A node of a cluster that gives no answer, and what happened instead. */
export interface SilentNode {
  readonly address: string;
  readonly error: MqError;
}

/**
 * Knows which masters of a cluster give no answer. One that did not answer a listing is asked nothing until it answers
 * again, so that it costs one wait and not one for each of its keys. One that was only slow while the others let us in
 * is still asked for its own keys, but for nothing that another node can tell as well.
 */
export class ClusterNodes {
  readonly #ask: AskNode;
  readonly #slow = new Set<string>();
  readonly #silent = new Map<string, MqError>();
  readonly #asked = new Map<string, Promise<MqError | null>>();
  readonly #patienceMs: number;

  /** `patienceMs`: a node that gives no answer for this long is silent. */
  constructor(ask: AskNode, patienceMs: number) {
    this.#ask = ask;
    this.#patienceMs = patienceMs;
  }

  /** Refuses calls to this node while it is known to be silent. */
  watch(node: Redis): void {
    const send = node.sendCommand.bind(node);
    node.sendCommand = (command: Command, ...rest) => {
      const error = this.errorOf(node);
      if (error === undefined) return send(command, ...rest);
      command.reject(error);
      return command.promise;
    };
  }

  /** The nodes that answer within `ms`. From now on, the others are not asked first. */
  async reachable(nodes: readonly NodeAddress[], ms: number): Promise<readonly NodeAddress[]> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), ms);
    });
    const answers = await Promise.all(nodes.map((node) => Promise.race([this.#failureOf(node), late])));
    clearTimeout(timer);
    const reached = nodes.filter((_, index) => answers[index] === null);
    for (const node of nodes) if (!reached.includes(node)) this.#slow.add(addressOf(node));
    return reached;
  }

  /** A node did not answer when the others let us in, and it is not known yet whether it is silent. */
  get isInDoubt(): boolean {
    return [...this.#slow].some((address) => !this.#silent.has(address));
  }

  /** Before a listing: the masters that give no answer. */
  async look(masters: readonly Redis[]): Promise<readonly SilentNode[]> {
    await Promise.all(
      masters.map(async (master) => {
        const node = placeOf(master);
        const answer = this.#settle(node);
        // It has already cost its wait. Whether it is back is checked beside the listing, for the next one.
        if (!this.#silent.has(addressOf(node))) await answer;
      }),
    );
    return masters.flatMap((master) => {
      const error = this.errorOf(master);
      return error === undefined ? [] : [{ address: addressOf(placeOf(master)), error }];
    });
  }

  errorOf(node: Redis): MqError | undefined {
    return this.#silent.get(addressOf(placeOf(node)));
  }

  /** A node that can be asked for what any node knows. */
  anyOf(masters: readonly Redis[]): Redis | undefined {
    const answers = (node: Redis): boolean => {
      const address = addressOf(placeOf(node));
      return !this.#silent.has(address) && !this.#slow.has(address);
    };
    return masters.find(answers) ?? masters[0];
  }

  async #settle(node: NodeAddress): Promise<void> {
    const address = addressOf(node);
    const error = await this.#failureOf(node);
    if (error !== null) {
      this.#silent.set(address, error);
      return;
    }
    this.#silent.delete(address);
    this.#slow.delete(address);
  }

  /** Null: it answers, even if it refuses the login. A node is asked only once at a time. */
  #failureOf(node: NodeAddress): Promise<MqError | null> {
    const address = addressOf(node);
    const asked =
      this.#asked.get(address) ??
      this.#askNow(node).finally(() => {
        this.#asked.delete(address);
      });
    this.#asked.set(address, asked);
    return asked;
  }

  async #askNow(node: NodeAddress): Promise<MqError | null> {
    try {
      await this.#ask(node, this.#patienceMs);
      return null;
    } catch (error) {
      if (!isMqError(error)) throw error;
      const isAway = error.code === 'TIMEOUT' || (error.code === 'UNAVAILABLE' && error.retryable);
      if (!isAway) return null;
      const why =
        error.code === 'TIMEOUT' ? `gave no answer within ${Math.round(this.#patienceMs)} ms` : 'cannot be reached';
      const silent = new MqError(error.code, `the node ${addressOf(node)} of the cluster ${why}`, {
        hint: 'see CLUSTER NODES',
        backend: 'redis',
      });
      OF_SILENT_NODES.add(silent);
      return silent;
    }
  }
}

const OF_SILENT_NODES = new WeakSet<MqError>();

/** The call was not sent, because the node that has the key gives no answer. */
export function isOfSilentNode(error: MqError): boolean {
  return OF_SILENT_NODES.has(error);
}

function placeOf(node: Redis): NodeAddress {
  const { host, port } = node.options;
  return { host: host ?? '', port: port ?? 0 };
}
