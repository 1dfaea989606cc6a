import { createHash } from 'node:crypto';
import { run } from '../../scripts/lib/run.mjs';

/** An entry of a published list, and the config that it leads to. */
export interface PublishedImage {
  readonly digest: string;
  /** As the list says, `os/architecture[/variant]`. */
  readonly listed: string;
  /** As the image's config says. */
  readonly configured: string;
  readonly config: { readonly config?: { readonly Env?: string[] }; readonly history?: readonly object[] };
  readonly layers: readonly string[];
}

interface PlatformFields {
  readonly os?: string;
  readonly architecture?: string;
  readonly variant?: string;
}

/** The images of a published list, as skopeo reads them. */
export async function publishedImages(reference: string): Promise<readonly PublishedImage[]> {
  const index = JSON.parse(await inspectRaw(reference));
  if (!Array.isArray(index.manifests)) throw new Error(`${reference} is no list: ${index.mediaType}`);
  const repository = reference.replace(/:[^:/]+$/, '');
  return await Promise.all(
    index.manifests.map(async (entry: { digest: string; platform?: PlatformFields }) => {
      const at = `${repository}@${entry.digest}`;
      const manifest = JSON.parse(await inspectRaw(at));
      const config = JSON.parse(
        await skopeo('inspect', '--config', '--raw', '--tls-verify=false', `docker://${at}`),
      );
      return {
        digest: entry.digest,
        listed: platformText(entry.platform ?? {}),
        configured: platformText(config),
        config,
        layers: manifest.layers.map((layer: { digest: string }) => layer.digest),
      };
    }),
  );
}

/** The manifest's own bytes. */
export function inspectRaw(reference: string): Promise<string> {
  return skopeo('inspect', '--raw', '--tls-verify=false', `docker://${reference}`);
}

/** The digest that a tag stands for, or undefined when there is no such tag. */
export async function digestOfTag(reference: string): Promise<string | undefined> {
  try {
    return `sha256:${createHash('sha256')
      .update(await inspectRaw(reference))
      .digest('hex')}`;
  } catch (error) {
    if (/manifest unknown|name unknown/i.test(String(error))) return undefined;
    throw error;
  }
}

/** Copies every image of a list into a folder; skopeo checks each digest on the way. */
export function copyAll(reference: string, folder: string): Promise<string> {
  return skopeo(
    'copy',
    '--quiet',
    '--all',
    '--src-tls-verify=false',
    `docker://${reference}`,
    `dir:${folder}`,
  );
}

/** Copies every image of a list to another registry, with a user of the destination. */
export function copyTo(from: string, to: string, credentials: string): Promise<string> {
  return skopeo(
    ...['copy', '--quiet', '--all', '--src-tls-verify=false', '--dest-tls-verify=false'],
    ...['--dest-creds', credentials, `docker://${from}`, `docker://${to}`],
  );
}

function platformText({ os, architecture, variant }: PlatformFields): string {
  return [os, architecture, variant].filter((part) => part !== undefined && part !== '').join('/');
}

function skopeo(...args: string[]): Promise<string> {
  return run('skopeo', args);
}

/** The tags of a repository, as skopeo lists them. */
export async function listTags(repository: string): Promise<readonly string[]> {
  return JSON.parse(await skopeo('list-tags', '--tls-verify=false', `docker://${repository}`)).Tags;
}
