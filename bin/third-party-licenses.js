// The licences of the libraries inside the bundle, which ask to travel with them. Taken from what was really bundled,
// so that the list can neither miss a library nor name one that is not there.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'THIRD-PARTY-LICENSES.txt';
const RULE = '-'.repeat(80);
const PACKAGE_FOLDER = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/**
 * Packages that leave their licence text out, and the one that carries it: Yoga's sources begin with the copyright line
 * and the licence that are React's too.
 */
const SAME_TEXT = { 'yoga-layout': 'react' };

/**
 * Fails the build when no licence text can be found for a library: somebody then has to look what it may be used for.
 */
export const THIRD_PARTY_LICENSES = {
  name: 'third-party-licenses',
  generateBundle(_options, bundle) {
    const chunks = Object.values(bundle).filter((output) => output.type === 'chunk');
    const modules = chunks.flatMap((chunk) => chunk.moduleIds);
    // Rolldown puts a zero byte before the path of a module that it made from another.
    const folders = new Set(modules.flatMap((id) => PACKAGE_FOLDER.exec(id.replace(/^\0/, ''))?.[1] ?? []));
    this.emitFile({ type: 'asset', fileName: FILE, source: licencesOf([...folders].map(readLibrary)) });
  },
};

function readLibrary(folder) {
  const { name, version, license, repository } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)([.-].*)?$/i.test(file));
  const text = files.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n');
  return { name, title: `${name} ${version} (${license})`, license, source: repository?.url ?? repository, text };
}

/** Libraries with the same text share it: many of one project come with the same. */
function licencesOf(libraries) {
  const titles = new Map();
  for (const library of libraries.sort((a, b) => (a.title < b.title ? -1 : 1))) {
    const text = library.text === '' ? textOfItsProject(library, libraries) : library.text;
    titles.set(text, [...(titles.get(text) ?? []), library.title]);
  }
  const parts = [...titles].map(([text, names]) => [RULE, ...names, RULE, '', text, ''].join('\n'));
  return ['The published package of mq contains code of these libraries.\n', ...parts].join('\n');
}

/**
 * Some packages of a repository of many leave the text out that the others of the same repository and licence carry.
 */
function textOfItsProject({ name, title, license, source }, libraries) {
  const other = libraries.find(
    (one) => one.text !== '' && one.license === license && (one.source === source || one.name === SAME_TEXT[name]),
  );
  if (other === undefined) throw new Error(`${title} carries no licence text`);
  return other.text;
}
