import type { BuildPlan } from '@mabuild/core';
import { formatPlatform } from '@mabuild/oci';

/** The plan as people read it: a block per platform with the Dockerfile as the engine will get it. */
export function formatPlan(plan: BuildPlan): string {
  const blocks = plan.tasks.map((task) => {
    const lines = [`# ${formatPlatform(task.platform)}: ${task.strategy}, ${task.engine}`];
    for (const base of task.bases) lines.push(`# base ${base.reference} is ${base.manifestDigest}`);
    for (const file of task.addedFiles) lines.push(`# adds ${file.path} to the context`);
    for (const [name, value] of Object.entries(task.buildArgs))
      lines.push(`# build argument ${name}=${value}`);
    return `${lines.join('\n')}\n${task.dockerfile.replace(/\n?$/, '\n')}`;
  });
  return blocks.join('\n');
}

/** The document of `build --dry-run --format json`. */
export function planDocument(plan: BuildPlan): object {
  return {
    version: 1,
    tasks: plan.tasks.map((task) => ({
      ...task,
      platform: formatPlatform(task.platform),
      addedFiles: task.addedFiles.map((file) => file.path),
      bases: task.bases.map((base) => ({ ...base, platform: formatPlatform(base.platform) })),
      finalBase: task.finalBase?.reference ?? null,
    })),
    findings: plan.findings,
  };
}
