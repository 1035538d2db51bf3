#!/usr/bin/env node
// No newer syntax than template literals, on purpose: this file must parse on any Node, so that an old one gets a clear
// refusal instead of a stack trace.
var version = process.versions.node.split('.');
var umask = 0;
if (+version[0] < 22 || (+version[0] === 22 && +version[1] < 12)) {
  process.stderr.write(`mq: needs Node.js 22.12 or newer; this is ${process.versions.node} (${process.execPath}).\n`);
  process.exitCode = 2;
} else {
  // Whatever is made here (bodies, names, compiled code) is for its owner alone. Commands that are run for somebody get
  // the old one back.
  umask = process.umask(0o077);
  keepCompiledCode();
  import('../dist/main.js').then((entry) => entry.main(umask));
}

/**
 * With the user's own files: in the folder for temporary files, which is Node's own choice, anybody could put code
 * there before us. So could who may write into one of the folders: such a one is not used, and one of ours that was
 * left open is made anew.
 */
function keepCompiledCode() {
  var cache = process.env.XDG_CACHE_HOME || '';
  if (cache[0] !== '/' && process.env.HOME) cache = `${process.env.HOME}/.cache`;
  if (process.env.NODE_COMPILE_CACHE) process.getBuiltinModule('node:module').enableCompileCache();
  else if (cache[0] === '/' && isOurs(cache)) {
    process.getBuiltinModule('node:module').enableCompileCache(`${cache}/mq/compiled`);
  }
}

function isOurs(cache) {
  if (!process.getuid) return true;
  var fs = process.getBuiltinModule('node:fs');
  var folder = `${cache}/mq/compiled`;
  var above = null;
  var own = null;
  try {
    if (!fs.existsSync(folder)) fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    above = fs.statSync(`${cache}/mq`);
    own = fs.lstatSync(folder);
    if (above.uid !== process.getuid() || own.uid !== process.getuid() || !own.isDirectory()) return false;
    if (((above.mode | own.mode) & 0o022) === 0) return true;
    fs.chmodSync(`${cache}/mq`, 0o700);
    fs.rmSync(folder, { recursive: true });
    fs.mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (_error) {
    return false;
  }
}
