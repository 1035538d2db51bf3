import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, runMq } from '../../support/mq.ts';
import { behindProxy } from '../../support/sqs/behind-proxy.ts';
import type { FaultProxy } from '../../support/sqs/fault-proxy.ts';
import { urlOf } from '../../support/sqs/harness.ts';

const SECRET = 'test-secret-key';
const CONFIG = `
[profile base]
aws_access_key_id = TESTKEYID
aws_secret_access_key = ${SECRET}

[profile role]
role_arn = arn:aws:iam::123456789012:role/operator
source_profile = base

[profile with-code]
role_arn = arn:aws:iam::123456789012:role/operator
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/me

[profile signed-on]
sso_session = company
sso_account_id = 123456789012
sso_role_name = operator

[sso-session company]
sso_region = us-east-1
sso_start_url = https://company.invalid/start
`;

/** As the service answers: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const REFUSAL = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code>
<Message>User: arn:aws:iam::123456789012:user/me is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`;

describe('credentials that the SDK’s chain cannot have (emulator fauxqs)', { timeout: 60_000 }, () => {
  let proxy: FaultProxy;
  let folder: string;
  let sts: Server;
  let asked: number;
  behindProxy('fauxqs', (made) => {
    proxy = made.proxy;
  });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mq-credentials-'));
    await writeFile(join(folder, 'config'), CONFIG);
    asked = 0;
    sts = createServer((_, response) => {
      asked += 1;
      response.writeHead(403, { 'content-type': 'text/xml' }).end(REFUSAL);
    });
    await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    sts.closeAllConnections();
    await new Promise((resolve) => sts.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  const as = (profile: string): Promise<Finished> =>
    runMq(['--url', urlOf(proxy.url), 'stats', 'orders'], {
      env: {
        HOME: folder,
        AWS_PROFILE: profile,
        AWS_CONFIG_FILE: join(folder, 'config'),
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(sts.address() as AddressInfo).port}`,
      },
    });

  it.each([
    ['role', /^mq: error: .*AWS gave no credentials for the role or profile \(AccessDenied\)$/m],
    ['with-code', /^mq: error: .*multi-factor authentication/m],
    ['signed-on', /^mq: error: .*SSO session is missing or expired$/m],
  ])('%s: told as what it is, not as a permission on the queue, and nothing is asked of SQS', async (profile, says) => {
    const { code, stdout, stderr } = await as(profile);
    expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/no permission|TESTKEYID/);
    expect(stderr).not.toContain(SECRET);
    expect(proxy.calls).toEqual([]);
  });

  it('the role was really asked for', () => {
    expect(asked).toBeGreaterThan(0);
  });
});
