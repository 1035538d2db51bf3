import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import type { ErrorCode } from '../../../contract/errors.ts';
import { connectionCode, connectionHint, nameOf, neverConnected, statusOf, textOf } from './foreign-error.ts';

/**
 * There are no credentials. The SDK's chain asks other services for them (STS for a role, SSO, a machine's metadata),
 * and their refusals look like those of SQS. Without this mark, a role that may not be assumed would look like a
 * missing permission on the queue.
 */
export class CredentialsFailure extends Error {
  override readonly name = 'CredentialsFailure';
}

/** The SDK's own chain, remembered until the credentials expire; rejects with `CredentialsFailure`. */
export function credentialsOf(config: SQSClientConfig): NonNullable<SQSClientConfig['credentials']> {
  // A client builds the chain; this one sends nothing.
  const chain = new SQSClient(config).config.credentials;
  return async () => {
    try {
      return await chain();
    } catch (cause) {
      throw new CredentialsFailure('no credentials', { cause });
    }
  };
}

export interface CredentialsMeaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint: string;
}

/**
 * `error`: the error of the chain. Its text may quote files and answers of other services, so it is only examined,
 * never shown.
 */
export function meaningOfCredentials(error: unknown): CredentialsMeaning {
  const text = textOf(error);
  if (/aws sso login|SSO session|Session token not found/i.test(text)) {
    return unauthenticated('the AWS SSO session is missing or expired', 'run: aws sso login');
  }
  if (/aws login/i.test(text)) return unauthenticated('the AWS login session is missing or expired', 'run: aws login');
  if (/multi-factor authentication/i.test(text)) {
    return unauthenticated(
      'the AWS profile asks for a code of multi-factor authentication, which mq cannot give',
      'get a session first: eval "$(aws configure export-credentials --format env)"',
    );
  }
  const code = connectionCode(error);
  if (code !== null) {
    return {
      code: 'UNAVAILABLE',
      text: `the service that gives AWS credentials cannot be reached (${code})`,
      hint: neverConnected(error) ? connectionHint(code) : 'try again',
    };
  }
  const status = statusOf(error);
  const name = nameOf(error);
  if (status !== null && status >= 500) {
    return {
      code: 'UNAVAILABLE',
      text: `the service that gives AWS credentials answered with ${status}`,
      hint: 'try again',
    };
  }
  if (/^ExpiredToken/.test(name)) {
    return unauthenticated('the AWS session token has expired', 'sign in again, then retry');
  }
  if (status !== null) {
    return unauthenticated(
      `AWS gave no credentials for the role or profile (${name})`,
      'check that this identity may assume the role, and the trust policy of the role: aws sts get-caller-identity',
    );
  }
  return unauthenticated(
    'no AWS credentials were found',
    'set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached',
  );
}

function unauthenticated(text: string, hint: string): CredentialsMeaning {
  return { code: 'UNAUTHENTICATED', text, hint };
}
