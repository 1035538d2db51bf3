// Each file that a command loads costs 0.6 ms, whatever its size. The bundler leaves some that only pass names on.
const PASSES_ON = /^export\{([\w$,]+|[\w$]+ as default)\}from"\.\/([^"]+)";\s*$/;
const RUNTIME = /^rolldown-runtime-[^/]*\.js$/;
const IMPORTED = /import\{([^}]*)\}from"\.\/([^"]+)";/g;
const EXPORTED = /export\{([^}]*)\};?\s*$/;

/**
 * Needs `minifyInternalExports: false`, so that a name is the same wherever it is exported. `main.js` has to be loaded
 * before every other file.
 */
export const FEW_FILES = {
  name: 'few-files',
  generateBundle(_options, bundle) {
    skipThoseThatPassOn(bundle);
    putRuntimeIntoMain(bundle);
    delete bundle['entry.js'];
  },
};

/** A dynamic import of such a file becomes one of the file that it names. That exports more, which nobody asks for. */
function skipThoseThatPassOn(bundle) {
  for (const { fileName, code, isEntry } of chunksOf(bundle)) {
    const [, names, target] = PASSES_ON.exec(code) ?? [];
    if (isEntry || names === undefined || names.includes(' as ')) continue;
    for (const chunk of chunksOf(bundle)) {
      chunk.code = chunk.code.replaceAll(`import(\`./${fileName}\`)`, `import(\`./${target}\`)`);
      if (chunk.fileName !== fileName && chunk.code.includes(fileName))
        throw new Error(`${fileName} is still imported`);
    }
    delete bundle[fileName];
  }
}

function putRuntimeIntoMain(bundle) {
  const main = bundle['main.js'];
  const runtime = chunksOf(bundle).find(({ fileName }) => RUNTIME.test(fileName));
  const given = EXPORTED.exec(runtime.code);
  const pairs = given[1].split(',').map((pair) => pair.split(' as '));
  const fields = pairs.map(([own, name]) => `${name}:${own}`).join(',');
  const names = pairs.map(([, name]) => name);
  const body = `const{${names}}=(()=>{${runtime.code.slice(0, given.index)}return{${fields}}})();`;
  for (const chunk of chunksOf(bundle)) {
    chunk.code = chunk.code.replace(IMPORTED, (all, list, from) => {
      if (from !== runtime.fileName) return all;
      if (chunk !== main) return `import{${list}}from"./main.js";`;
      return (
        body +
        list
          .split(',')
          .map((pair) => `const ${pair.split(' as ').reverse().join('=')};`)
          .join('')
      );
    });
    if (chunk !== runtime && chunk.code.includes(runtime.fileName)) throw new Error('the runtime is still imported');
  }
  main.code = main.code.replace(EXPORTED, (_, list) => `export{${[list, ...names]}};`);
  delete bundle[runtime.fileName];
}

function chunksOf(bundle) {
  return Object.values(bundle).filter(({ type }) => type === 'chunk');
}
