#!/usr/bin/env node
// No newer syntax than template literals, on purpose: this file must parse on any Node, so that an old one gets a clear refusal instead of a stack trace.
var version = process.versions.node.split('.');
if (+version[0] < 22 || (+version[0] === 22 && +version[1] < 12)) {
  process.stderr.write(`mq: needs Node.js 22.12 or newer; this is ${process.versions.node} (${process.execPath}).\n`);
  process.exitCode = 2;
} else {
  import('node:module')
    .then((module) => {
      module.enableCompileCache();
      return import('../dist/main.js');
    })
    .then((entry) => entry.main());
}
