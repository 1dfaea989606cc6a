import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';

/**
 * A registry token server for tests: GET with Basic credentials, or POST as OAuth2 with a password.
 *
 * The certificate travels in the token, so that docker-registry trusts it through `auth.token.rootcertbundle`.
 * Anonymous callers may pull from names under `public/` and nothing else.
 *
 * @param {{ key: string, certificate: string, issuer: string, user: string, password: string }} options PEM texts
 * @returns {Promise<{ port: number, close(): Promise<void> }>}
 */
export async function startTokenServer({ key, certificate, issuer, user, password }) {
  const privateKey = createPrivateKey(key);
  const chain = [new X509Certificate(certificate).raw.toString('base64')];

  function issue(subject, service, scopes) {
    const now = Math.floor(Date.now() / 1000);
    const header = { typ: 'JWT', alg: 'RS256', x5c: chain };
    const payload = {
      iss: issuer,
      sub: subject ?? '',
      aud: service,
      iat: now,
      nbf: now - 10,
      exp: now + 300,
      jti: randomUUID(),
      access: scopes.map((scope) => grant(scope, subject)).filter((access) => access.actions.length > 0),
    };
    const text = [header, payload]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
  }

  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const parameters =
      request.method === 'POST'
        ? new URLSearchParams(body)
        : new URL(request.url ?? '/', 'http://token').searchParams;
    const claimed = claimedUser(request, parameters);
    response.setHeader('content-type', 'application/json');
    if (claimed !== undefined && claimed !== `${user}:${password}`) {
      response.statusCode = 401;
      response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'wrong user or password' }] }));
      return;
    }
    const scopes = parameters
      .getAll('scope')
      .flatMap((value) => value.split(' '))
      .filter((scope) => scope !== '');
    const token = issue(claimed && user, parameters.get('service'), scopes);
    response.end(JSON.stringify({ token, access_token: token, expires_in: 300 }));
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: server.address().port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function claimedUser(request, parameters) {
  const basic = /^Basic (.*)$/i.exec(request.headers.authorization ?? '');
  if (basic) return Buffer.from(basic[1], 'base64').toString();
  return parameters.has('username')
    ? `${parameters.get('username')}:${parameters.get('password')}`
    : undefined;
}

function grant(scope, subject) {
  const type = scope.slice(0, scope.indexOf(':'));
  const name = scope.slice(type.length + 1, scope.lastIndexOf(':'));
  const asked = scope.slice(scope.lastIndexOf(':') + 1).split(',');
  const open = name.startsWith('public/');
  return {
    type,
    name,
    actions: asked.filter((action) => subject !== undefined || (open && action === 'pull')),
  };
}
