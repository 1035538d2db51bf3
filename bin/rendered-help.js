// Help texts made at build time, so that `mq --help` builds no command and loads nothing of the program.
const TEXTS = /\/src\/cli\/help\/rendered-texts\.ts$/;
const ONE = /^\0help:(.+)$/;

let rendered;
async function texts() {
  rendered ??= import('../src/cli/start/render-help.ts').then(({ renderHelp }) => renderHelp());
  return rendered;
}

/** Fills in the map of `src/cli/help/rendered-texts.ts`, with a chunk for each text. */
export const RENDERED_HELP = {
  name: 'rendered-help',
  resolveId(source) {
    return source.startsWith('help:') ? `\0${source}` : null;
  },
  async load(id) {
    if (TEXTS.test(id)) {
      const loads = Object.keys(await texts()).map((subject) => `'${subject}': () => import('help:${subject}')`);
      return { code: `export const RENDERED_HELP = {${loads.join(',\n')}};`, moduleType: 'js' };
    }
    const subject = ONE.exec(id)?.[1];
    if (subject === undefined) return null;
    return `export const text = ${JSON.stringify((await texts())[subject])};`;
  },
};
