import type { Manifest, ParameterType } from '../../contract/backend.ts';
import { MqError } from '../../contract/errors.ts';

/**
 * The parameters after the `?` of a URL, checked. Null: the URL does not say. Asking for an undeclared one is a bug,
 * and throws.
 */
export interface Parameters {
  text(name: string): string | null;
  /** Of a number. */
  number(name: string): number | null;
  /** Of a duration, in milliseconds. */
  durationMs(name: string): number | null;
  /** Of a choice: one of the declared values. */
  choice<const T extends string>(name: string, of: readonly T[]): T | null;
  /** Of a choice between `true` and `false`. */
  isTrue(name: string): boolean;
}

/**
 * Reads the parameters of a broker's URL by its declaration. Throws `CONFIG_INVALID` for a parameter that is not
 * declared, is there twice, is empty, or does not have its type. The error repeats neither a value nor an unknown name:
 * they may be the rest of a password.
 */
export function readParameters(manifest: Manifest, query: URLSearchParams): Parameters {
  const { name: backend, title, parameters } = manifest;
  const refuse = (message: string, hint?: string): never => {
    throw new MqError('CONFIG_INVALID', message, { hint, backend, operation: 'open' });
  };
  const found = new Map<string, string>();
  for (const [name, value] of query) {
    const declared = parameters.find((parameter) => parameter.name === name);
    if (declared === undefined) {
      const known = parameters.map((parameter) => parameter.name).join(', ');
      return refuse(`the ${title} URL has a parameter that it cannot have`, `known are: ${known}`);
    }
    const fault = found.has(name) ? 'is there twice' : faultOf(value, declared.type);
    if (fault !== null) return refuse(`${name} in the ${title} URL ${fault}`);
    found.set(name, value);
  }
  const valued = (name: string, is: ParameterType['is']): string | null => {
    const declared = parameters.find((parameter) => parameter.name === name);
    if (declared?.type.is !== is) throw new Error(`the ${title} manifest declares no ${is} with the name ${name}`);
    return found.get(name) ?? null;
  };
  return {
    text: (name) => found.get(name) ?? null,
    number: (name) => numberOrNull(valued(name, 'number')),
    durationMs(name) {
      const text = valued(name, 'duration');
      return text === null ? null : durationOf(text);
    },
    choice: (name, of) => of.find((one) => one === valued(name, 'choice')) ?? null,
    isTrue: (name) => valued(name, 'choice') === 'true',
  };
}

function numberOrNull(text: string | null): number | null {
  return text === null ? null : Number(text);
}

/** The end of a sentence; null: the value is of this type. */
function faultOf(value: string, type: ParameterType): string | null {
  if (value === '') return 'is empty';
  switch (type.is) {
    case 'text':
    case 'file':
      return null;
    case 'choice':
      return type.of.includes(value) ? null : `must be ${type.of.join(' or ')}`;
    case 'number': {
      const isWithin = /^\d{1,10}$/.test(value) && Number(value) >= type.least && Number(value) <= type.most;
      return isWithin ? null : `must be a whole number from ${type.least} to ${type.most}`;
    }
    case 'duration':
      return durationOf(value) === null ? 'must be a duration such as 500ms, 30s, 5m' : null;
    case 'url':
      return /^https?:\/\//i.test(value) && URL.canParse(value) ? null : 'must be an http:// or https:// URL';
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds; null: it is not a duration. */
function durationOf(text: string): number | null {
  const [, count, unit = ''] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const milliseconds = UNITS[unit];
  return count === undefined || milliseconds === undefined ? null : Number(count) * milliseconds;
}
