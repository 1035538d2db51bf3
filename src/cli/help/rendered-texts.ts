/**
 * The help of every verb and topic as a text, each loaded alone: see `layOut`. The build fills this in
 * (`bin/rendered-help.js`). In the sources it is empty, and help is made where it is asked for.
 */
export const RENDERED_HELP: Readonly<Record<string, () => Promise<{ readonly text: string }>>> = {};
