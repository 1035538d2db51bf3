import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { provisionHere } from './provision.ts';

const run = promisify(execFile);

/** Paths of PEM files. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/**
 * A throw-away authority and one certificate of a server on localhost, 127.0.0.1 and `hosts`, valid for a day, as files
 * in `folder`.
 */
export async function makeCertificates(folder: string, hosts: readonly string[] = []): Promise<Certificates> {
  const openssl = await provisionHere('openssl');
  const at = (name: string) => join(folder, name);
  const files = { authority: at('ca.pem'), certificate: at('server.pem'), key: at('server.key') };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run(openssl, [
    'req',
    '-x509',
    ...curve,
    '-keyout',
    at('ca.key'),
    '-out',
    files.authority,
    '-days',
    '1',
    '-subj',
    '/CN=mq tests',
  ]);
  await run(openssl, [
    'req',
    '-new',
    ...curve,
    '-keyout',
    files.key,
    '-out',
    at('server.csr'),
    '-subj',
    '/CN=localhost',
  ]);
  await writeFile(
    at('names.cnf'),
    `subjectAltName = ${['DNS:localhost', 'IP:127.0.0.1', ...hosts.map((host) => `DNS:${host}`)].join(', ')}\n`,
  );
  const signing = ['-CA', files.authority, '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names.cnf')];
  await run(openssl, ['x509', '-req', '-in', at('server.csr'), ...signing, '-out', files.certificate, '-days', '1']);
  return files;
}
