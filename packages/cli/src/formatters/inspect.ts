import type { InspectReport } from '../sdk/images/inspect.ts';
import { formatBytes } from '../text/bytes.ts';
import { visible } from '../text/visible.ts';
import { table } from './table.ts';

/** Platforms, digests and sizes of an image, and what its platforms share. */
export function formatInspect(report: InspectReport): string {
  const rows = report.images.map((image) => [
    visible(image.platform ?? image.artifactType ?? 'unknown'),
    image.digest,
    image.missing ? 'missing' : formatBytes(image.size),
    String(image.layers.length),
  ]);
  const lines = [
    `Name:      ${report.reference}`,
    `Digest:    ${report.digest}`,
    `MediaType: ${report.mediaType}`,
    ...(report.artifactType ? [`Artifact:  ${report.artifactType}`] : []),
    ...(report.subject ? [`About:     ${report.subject}`] : []),
    '',
    ...table(['PLATFORM', 'DIGEST', 'SIZE', 'LAYERS'], rows),
  ];
  const shared = sharedLayers(report);
  if (shared > 0)
    lines.push('', `${shared} ${shared === 1 ? 'layer is' : 'layers are'} shared between platforms`);
  for (const attestation of report.attestations) {
    const subject = report.images.find((image) => image.digest === attestation.for);
    lines.push(`attestation of ${visible(subject?.platform ?? attestation.for)}: ${attestation.digest}`);
  }
  return `${lines.join('\n')}\n`;
}

function sharedLayers(report: InspectReport): number {
  const uses = new Map<string, number>();
  for (const image of report.images) {
    for (const digest of new Set(image.layers.map((layer) => layer.digest))) {
      uses.set(digest, (uses.get(digest) ?? 0) + 1);
    }
  }
  return [...uses.values()].filter((count) => count > 1).length;
}
