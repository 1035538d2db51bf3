#!/usr/bin/env node
// No newer syntax than template literals, on purpose: this file must parse on any Node, so that an old one gets a clear refusal instead of a stack trace.
var version = process.versions.node.split('.');
if (+version[0] < 22 || (+version[0] === 22 && +version[1] < 12)) {
  process.stderr.write(`mq: needs Node.js 22.12 or newer; this is ${process.versions.node} (${process.execPath}).\n`);
  process.exitCode = 2;
} else {
  keepCompiledCode();
  import('../dist/main.js').then((entry) => entry.main());
}

/** With the user's own files: in the folder for temporary files, which is Node's own choice, anybody could put code there before us. */
function keepCompiledCode() {
  var cache = process.env.XDG_CACHE_HOME || '';
  if (cache[0] !== '/' && process.env.HOME) cache = `${process.env.HOME}/.cache`;
  if (process.env.NODE_COMPILE_CACHE) process.getBuiltinModule('node:module').enableCompileCache();
  else if (cache[0] === '/') process.getBuiltinModule('node:module').enableCompileCache(`${cache}/mq/compiled`);
}
