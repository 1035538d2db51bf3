import * as core from '../../core/safe-text.ts';

/**
 * Characters on whose width terminals disagree: those that join or vary other characters or have no width, skin tones,
 * and half a flag. (Measured: for a thumb with a skin tone, tmux takes four cells and others two. For a heart with a
 * variation selector, tmux takes one cell and others two.)
 */
const UNSTEADY =
  /\p{Regional_Indicator}{2}|[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Emoji_Modifier}\p{Regional_Indicator}]/gu;
const ASCII = /^[\n\x20-\x7e]*$/;
const FLAG_LENGTH = 4;

/**
 * Makes foreign text safe for a screen of columns: like `safe` of core, and every character has a width that terminals
 * agree on. Otherwise the figures beside a name would be drawn over each other, because only the changed parts of a
 * line are written.
 */
export function safe(text: string): string {
  return steady(core.safe(text));
}

/** Like `safe`, but keeps line feeds and tabs. */
export function safeLines(text: string): string {
  return steady(core.safeLines(text));
}

function steady(text: string): string {
  if (ASCII.test(text)) return text;
  return text.replace(UNSTEADY, (found) => (found.length === FLAG_LENGTH ? found : visible(found)));
}

function visible(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
}
