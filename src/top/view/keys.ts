import type { Key as InkKey } from 'ink';
import type { Key, NamedKey } from '../state/key.ts';

const NAMED: readonly (readonly [keyof InkKey, NamedKey])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['tab', 'tab'],
  ['backspace', 'backspace'],
  ['delete', 'backspace'],
];

/** Ctrl with a letter. Alone it comes with a flag; among fast keys it comes as a character of its own. */
const CONTROLS: readonly { readonly letter: string; readonly code: string; readonly name: NamedKey }[] = [
  { letter: 'c', code: '\u0003', name: 'ctrl-c' },
  { letter: 'u', code: '\u0015', name: 'ctrl-u' },
  { letter: 'w', code: '\u0017', name: 'ctrl-w' },
];

/** The keys of one input of Ink. Fast typing comes as one string (`jjk`), so it is split. */
export function keysOf(input: string, key: InkKey): readonly Key[] {
  // Two quick Escapes come as Alt with Escape, and mean two Escapes.
  if (key.escape && key.meta) return [{ name: 'escape' }, { name: 'escape' }];
  for (const [flag, name] of NAMED) if (key[flag] === true) return key.meta ? afterEscape(name) : [{ name }];
  if (key.ctrl) {
    const control = CONTROLS.find(({ letter }) => letter === input);
    return control === undefined ? [] : [{ name: control.name }];
  }
  // Escape with a character right after it looks like Alt with that character, which has no meaning here.
  const before: readonly Key[] = key.meta ? [{ name: 'escape' }] : [];
  return before.concat(charactersOf(input));
}

/**
 * A key that came right after Escape, or with Alt. Enter must not pass alone: a person who typed Escape before it
 * wanted to leave, and Enter would confirm. Alt with Backspace deletes a word, as in a shell. An arrow with Alt is that
 * arrow.
 */
function afterEscape(name: NamedKey): readonly Key[] {
  if (name === 'backspace') return [{ name: 'ctrl-w' }];
  return name === 'enter' || name === 'tab' ? [{ name: 'escape' }, { name }] : [{ name }];
}

function charactersOf(input: string): readonly Key[] {
  return Array.from(input).flatMap((char): Key[] => {
    if (char === '\r' || char === '\n') return [{ name: 'enter' }];
    if (char === '\u007f' || char === '\b') return [{ name: 'backspace' }];
    const control = CONTROLS.find(({ code }) => code === char);
    if (control !== undefined) return [{ name: control.name }];
    if (char === '\u001b') return [{ name: 'escape' }];
    if (char === '\t') return [{ name: 'tab' }];
    return char < ' ' ? [] : [{ char }];
  });
}
