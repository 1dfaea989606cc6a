import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

/** What the tests ask an engine themselves, beside the product: the judge shares no code with the judged. */
export interface DockerJudge {
  /** `docker pull --platform`. */
  pull(reference: string, platform: string): Promise<void>;
  /** `docker load`. */
  load(archive: string): Promise<void>;
  /** `docker run --rm`: standard output of a pulled image, by default of its own command. */
  run(reference: string, platform: string, command?: readonly string[]): Promise<string>;
  /** Paths that `docker export` of a pulled image gives. */
  exportedPaths(reference: string, platform: string): Promise<readonly string[]>;
  /** The tar that `docker export` of a pulled image gives. */
  exported(reference: string, platform: string): Promise<Buffer>;
  /** Ids of all containers, running or not. */
  containers(): Promise<readonly string[]>;
  /** Tags of all images. */
  tags(): Promise<readonly string[]>;
  removeImage(reference: string): Promise<void>;
  /** `docker builder prune --all`: what builds remember. */
  forgetBuilds(): Promise<void>;
}

/** Talks to the engine at a `unix://` address. */
export function dockerJudge(host: string): DockerJudge {
  const socketPath = host.replace(/^unix:\/\//, '');

  function call(method: string, path: string, body?: unknown): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = body === undefined ? undefined : JSON.stringify(body);
      const headers = sent === undefined ? {} : { 'content-type': 'application/json' };
      const asked = request({ socketPath, method, path, headers }, (response) => {
        if ((response.statusCode ?? 500) < 400) return resolve(response);
        text(response).then(
          (why) => reject(new Error(`${method} ${path}: ${response.statusCode} ${why}`)),
          reject,
        );
      });
      asked.on('error', reject).end(sent);
    });
  }

  async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
    return JSON.parse(await text(await call(method, path, body))) as T;
  }

  async function withContainer<T>(
    image: string,
    platform: string,
    command: readonly string[] | undefined,
    body: (id: string) => Promise<T>,
  ): Promise<T> {
    const made = await json<{ Id: string }>(
      'POST',
      `/containers/create?platform=${encodeURIComponent(platform)}`,
      {
        Image: image,
        ...(command && { Cmd: command }),
        Tty: true,
        HostConfig: { NetworkMode: 'host' },
      },
    );
    try {
      return await body(made.Id);
    } finally {
      (await call('DELETE', `/containers/${made.Id}?force=1`)).resume();
    }
  }

  return {
    async pull(reference, platform) {
      const path = `/images/create?fromImage=${encodeURIComponent(reference)}&platform=${encodeURIComponent(platform)}`;
      const answer = await text(await call('POST', path));
      if (answer.includes('"errorDetail"'))
        throw new Error(`pull of ${reference} for ${platform}: ${answer}`);
    },
    load: (archive) =>
      new Promise((resolve, reject) => {
        const headers = { 'content-type': 'application/x-tar' };
        const asked = request({ socketPath, method: 'POST', path: '/images/load?quiet=1', headers });
        asked.on('error', reject).on('response', (response) => {
          text(response).then((answer) => {
            if (response.statusCode === 200 && !answer.includes('"errorDetail"')) resolve();
            else reject(new Error(`load of ${archive}: ${response.statusCode} ${answer}`));
          }, reject);
        });
        pipeline(createReadStream(archive), asked).catch(reject);
      }),
    run: (reference, platform, command) =>
      withContainer(reference, platform, command, async (id) => {
        (await call('POST', `/containers/${id}/start`)).resume();
        const { StatusCode: status } = await json<{ StatusCode: number }>('POST', `/containers/${id}/wait`);
        // With a terminal the log is plain text, both streams in one.
        const output = (await text(await call('GET', `/containers/${id}/logs?stdout=1&stderr=1`))).replaceAll(
          '\r\n',
          '\n',
        );
        if (status !== 0) throw new Error(`${reference} on ${platform} ended with ${status}: ${output}`);
        return output;
      }),
    exportedPaths: (reference, platform) =>
      withContainer(reference, platform, ['true'], async (id) => {
        const exported = await call('GET', `/containers/${id}/export`);
        const tar = spawn('tar', ['-t'], { stdio: ['pipe', 'pipe', 'inherit'] });
        const [listing] = await Promise.all([text(tar.stdout), pipeline(exported, tar.stdin)]);
        return listing.split('\n').filter((path) => path !== '');
      }),
    exported: (reference, platform) =>
      withContainer(reference, platform, ['true'], async (id) =>
        buffer(await call('GET', `/containers/${id}/export`)),
      ),
    async containers() {
      const all = await json<{ Id: string }[]>('GET', '/containers/json?all=1');
      return all.map((container) => container.Id);
    },
    async tags() {
      const all = await json<{ RepoTags: string[] | null }[]>('GET', '/images/json');
      return all.flatMap((image) => image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');
    },
    async removeImage(reference) {
      (
        await call('DELETE', `/images/${encodeURIComponent(reference)}?force=1`).catch(() => undefined)
      )?.resume();
    },
    async forgetBuilds() {
      await text(await call('POST', '/build/prune?all=true'));
    },
  };
}
