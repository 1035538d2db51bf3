import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provisionHere } from '../provision.ts';

/** The script (Python) that the broker's management plugin gives to everybody, with an address and a login. */
export async function rabbitmqadmin(
  managementUrl: string,
  folder: string,
): Promise<{ readonly program: string; readonly args: readonly string[] }> {
  const { hostname, port, origin, username, password } = new URL(managementUrl);
  const script = join(folder, `rabbitmqadmin-${port}`);
  writeFileSync(script, await (await fetch(new URL('/cli/rabbitmqadmin', origin))).text());
  return {
    program: await provisionHere('python3'),
    args: [script, '-H', hostname, '-P', port, '-u', username, '-p', password, '-V', '/', '-q'],
  };
}
