/**
 * One call of the management API. `url` holds the credentials. Resolves to the parsed answer, null when it is empty;
 * rejects on a refusal.
 */
export async function managementRequest(url: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const target = new URL(url);
  const login = `${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`;
  const response = await fetch(new URL(path, target.origin), {
    method,
    headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
}
