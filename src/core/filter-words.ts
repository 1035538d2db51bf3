/** Explains what is wrong with an expression in plain words, and what to write instead if that is known. */
export interface FilterFault {
  readonly text: string;
  readonly hint: string | null;
}

const WORDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  uint: 'a whole number',
  double: 'a number',
  string: 'a text',
  bool: 'true or false',
  null: 'null',
  bytes: 'bytes',
  'google.protobuf.Duration': 'a duration',
  'google.protobuf.Timestamp': 'an instant',
  dyn: 'a value',
  type: 'a type',
};

/** Turns CEL's name of a type into a word: `dyn<google.protobuf.Duration>` is a duration. */
function typeWord(name: string): string {
  const inner = plainType(name);
  if (/^list\b/.test(inner)) return 'a list';
  if (/^(map\b|\$)/.test(inner)) return 'an object';
  if (/^optional\b/.test(inner)) return 'an optional value';
  return WORDS[inner] ?? inner;
}

function plainType(name: string): string {
  return /^dyn<(.+)>$/.exec(name)?.[1] ?? name;
}

/** The names of the types in a list of arguments. Their brackets may contain commas. */
function typeNames(list: string): readonly string[] {
  const names: string[] = [];
  let depth = 0;
  let name = '';
  for (const letter of list) {
    if (letter === '<') depth += 1;
    if (letter === '>') depth -= 1;
    if (letter === ',' && depth === 0) {
      names.push(name.trim());
      name = '';
    } else name += letter;
  }
  return name.trim() === '' ? names : [...names, name.trim()];
}

const NUMBERS: ReadonlySet<string> = new Set(['int', 'uint', 'double']);

const OVERLOAD = /^no such overload: (.+?) (==|!=|<=|>=|<|>|in|\+|-|\*|\/|%) (.+)$/;

/**
 * `summary`: the library's own sentence, without the lines that point at the place. `source`: the expression, needed to
 * explain a syntax error.
 */
export function filterFault(
  summary: string,
  source: string | null,
  isFunction: (name: string) => boolean,
): FilterFault {
  const overload = OVERLOAD.exec(summary);
  if (overload !== null) return mismatch(overload[1] ?? '', overload[2] ?? '', overload[3] ?? '');
  const unary = /^no such overload: ([!-])(.+)$/.exec(summary);
  if (unary !== null) {
    const wants = unary[1] === '!' ? 'true or false' : 'a number';
    return { text: `${unary[1]} wants ${wants}, not ${typeWord(unary[2] ?? '')}`, hint: null };
  }
  const call = /^found no matching overload for '(?:([^(]+)\.)?(\w+)\((.*)\)'$/.exec(summary);
  if (call !== null) return badCall(call[1] ?? null, call[2] ?? '', typeNames(call[3] ?? ''), isFunction);
  const operand = /^Logical operator requires bool operands, got '(.+)'$/.exec(summary);
  if (operand !== null)
    return { text: `&& and || join what is true or false, not ${typeWord(operand[1] ?? '')}`, hint: null };
  const condition = /^Ternary condition must be bool, got '(.+)'$/.exec(summary);
  if (condition !== null)
    return { text: `the part before ? must be true or false, not ${typeWord(condition[1] ?? '')}`, hint: null };
  const branches = /^Ternary branches must have the same type, got '(.+)' and '(.+)'$/.exec(summary);
  if (branches !== null) {
    const [one, other] = [typeWord(branches[1] ?? ''), typeWord(branches[2] ?? '')];
    return { text: `? chooses between values of one type, not between ${one} and ${other}`, hint: null };
  }
  if (/^Unsupported type: /.test(summary))
    return {
      text: 'a number there has more digits than can be compared exactly: numbers are exact to 64 bits',
      hint: null,
    };
  const unknown = /^Unknown variable: (\w+)$/.exec(summary)?.[1];
  if (unknown !== undefined) return { text: `there is no ${unknown}`, hint: unknownName(unknown) };
  if (source !== null) return { text: parserWords(summary), hint: otherLanguage(source) };
  return { text: summary, hint: null };
}

export function wrongResult(type: string): FilterFault {
  return { text: `a filter must be true or false; this one is ${typeWord(type)}`, hint: null };
}

function mismatch(left: string, operator: string, right: string): FilterFault {
  const [one, other] = [typeWord(left), typeWord(right)];
  const both = [plainType(left), plainType(right)];
  const text =
    operator === 'in'
      ? `${one} cannot be searched for in ${other}`
      : /^[-+*/%]$/.test(operator)
        ? `${one} ${operator} ${other} cannot be calculated`
        : `${one} cannot be compared with ${other} (${operator})`;
  const hint = both.includes('google.protobuf.Timestamp')
    ? 'write an instant as timestamp("2026-11-21T09:00:00Z"); how long ago it was is age, a duration'
    : both.includes('google.protobuf.Duration')
      ? 'write a duration as duration("5s")'
      : both.includes('null')
        ? 'ask first whether it is there: priority != null && priority > 2'
        : both.includes('string') && both.some((type) => NUMBERS.has(type))
          ? 'write 5 for a number and "5" for a text; int(…) and string(…) make one of the other'
          : null;
  return { text, hint };
}

function badCall(
  receiver: string | null,
  name: string,
  types: readonly string[],
  isFunction: (name: string) => boolean,
): FilterFault {
  if (!isFunction(name))
    return {
      text: `there is no function ${name}`,
      hint: otherLanguage(name) ?? "see 'mq help filters' for what a filter may use",
    };
  const given = types.map(typeWord).join(' and ');
  if (receiver !== null) {
    const on = typeWord(receiver);
    const isNull = plainType(receiver) === 'null';
    return {
      text: `${name} cannot be asked of ${on}${isNull || given === '' ? '' : ` with ${given}`}`,
      hint: isNull ? `ask first whether it is there: name != null && name.${name}(…)` : null,
    };
  }
  if (name === 'duration' || name === 'timestamp') {
    const example = name === 'duration' ? 'duration("5s")' : 'timestamp("2026-11-21T09:00:00Z")';
    return { text: `${name} is made from a text, not from ${given}`, hint: `write ${example}` };
  }
  return {
    text: `${name}(…) does not go with ${given === '' ? 'nothing' : given}`,
    hint: types.length === 2 ? `write value.${name}(…)` : null,
  };
}

function parserWords(summary: string): string {
  if (/^Unexpected token: EOF$/.test(summary)) return 'it ends too early';
  const character = /^Unexpected character: '?(.)'?$/.exec(summary)?.[1];
  if (character !== undefined && /[\p{L}\p{N}]/u.test(character)) return 'it cannot be read from there on';
  return character === undefined ? summary : `${character} is not expected there`;
}

function unknownName(name: string): string {
  if (/^(true|false|null)$/i.test(name)) return `write ${name.toLowerCase()}`;
  return `a text needs quotes: "${name}"; 'mq help filters' has the names that a filter may use`;
}

/** Habits from other languages, and what to write here instead. */
const HABITS: readonly (readonly [RegExp, string])[] = [
  [/===/, 'write == to compare'],
  [/!==/, 'write != for "is not"'],
  [/<>/, 'write != for "is not"'],
  [/(?<![=!<>])=(?![=~])/, 'write == to compare'],
  [/=~/, 'write value.matches("pattern")'],
  [/(?<!&)&(?!&)|\band\b/i, 'write && for "and"'],
  [/(?<!\|)\|(?!\|)|\bor\b/i, 'write || for "or"'],
  [/\bnot\b/i, 'write ! for "not"'],
  [/\blike\b/i, 'write value.contains("part"), or value.matches("pattern")'],
  [/\bmatches\b/, 'write value.matches("pattern")'],
  [/\b(contains|startsWith|endsWith)\b/, 'write value.contains("part")'],
];

function otherLanguage(source: string): string | null {
  const bare = source.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, '""');
  return HABITS.find(([habit]) => habit.test(bare))?.[1] ?? null;
}
