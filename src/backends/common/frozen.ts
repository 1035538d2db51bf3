/** Freezes a record with everything in it: many share it, and none of them may change it for the others. */
export function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}
