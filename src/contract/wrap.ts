import type { Consumer, Publisher, Queue } from './queue.ts';

/**
 * The same queue with some members changed. A member that is changed to `undefined` is gone. Every other member is
 * kept, including those that a later version of the contract adds.
 */
export function wrapQueue(queue: Queue, changes: Changes<Queue>): Queue {
  return wrap(queue, changes);
}

/** Like `wrapQueue`. */
export function wrapPublisher(publisher: Publisher, changes: Changes<Publisher>): Publisher {
  return wrap(publisher, changes);
}

/**
 * Like `wrapQueue`. A changed iteration has no pages, unless they are changed too: they would go past what was changed.
 */
export function wrapConsumer(consumer: Consumer, changes: Changes<Consumer>): Consumer {
  const isIterationChanged = Object.hasOwn(changes, Symbol.asyncIterator);
  return wrap(consumer, isIterationChanged ? { pages: undefined, ...changes } : changes);
}

type Changes<T> = { readonly [Member in keyof T]?: T[Member] | undefined };

/** Members are called on `inner` itself, because a class may keep state that only its own methods can reach. */
function wrap<T extends object>(inner: T, changes: Changes<T>): T {
  const bound = new Map<PropertyKey, { readonly from: unknown; readonly to: unknown }>();
  return new Proxy(inner, {
    get(target, name) {
      if (Object.hasOwn(changes, name)) return changes[name as keyof T];
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const known = bound.get(name);
      if (known?.from === member) return known.to;
      const to: unknown = member.bind(target);
      bound.set(name, { from: member, to });
      return to;
    },
    has: (target, name) =>
      Object.hasOwn(changes, name) ? changes[name as keyof T] !== undefined : Reflect.has(target, name),
  });
}
