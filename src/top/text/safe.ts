import * as core from '../../core/safe-text.ts';

/**
 * What terminals do not agree on how wide it is: what joins and varies other characters or takes no place at all, skin
 * tones, and half a flag. (Measured: tmux takes four cells for a thumb with a skin tone and one for a heart with a
 * variation selector, where others take two.)
 */
const UNSTEADY =
  /\p{Regional_Indicator}{2}|[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Emoji_Modifier}\p{Regional_Indicator}]/gu;
const ASCII = /^[\n\x20-\x7e]*$/;
const FLAG_LENGTH = 4;

/**
 * Text of others for a screen of columns: as `safe` of core, and every character has a width that terminals agree on.
 * Else the figures beside a name would be drawn over each other, as only what changes of a line is written anew.
 */
export function safe(text: string): string {
  return steady(core.safe(text));
}

/** As `safe`, but keeps line feeds and tabs. */
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
