import { bundledCode } from './bundled-code.ts';

// Started by the embedded engine, with the privileges that its job needs.
void start();

async function start(): Promise<void> {
  const kept = process.argv.find((word) => word.startsWith('--code='))?.slice('--code='.length);
  const code = kept === undefined ? undefined : bundledCode('sandbox', kept);
  const { serve } =
    (code?.load('./sandbox-service.cjs') as typeof import('./sandbox-service.ts') | undefined) ??
    (await import('./sandbox-service.ts'));
  // The first one may only have tried a sandbox.
  await serve(process, () => code?.keep(true));
}
