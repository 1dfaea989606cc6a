import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { at, blobOf, inSlices, useRegistries } from '../../support/registries.ts';
import { rejection } from '../../support/rejection.ts';

describe('registry/client trying again', () => {
  const { clientWith, registryWith } = useRegistries();

  it('tells what it waits for, and caps what the registry asks', async () => {
    const registry = await registryWith({
      faults: [{ status: 429, headers: { 'retry-after': '3600' } }, { status: 503 }],
    });
    const client = clientWith({ retry: { baseDelay: 2, maxDelay: 20 } });
    await rejection(client.resolve(at(registry)));
    expect(client.events).to.have.length(2);
    expect(client.events[0]).to.include({
      type: 'registry-retry',
      reason: '429',
      delay: 20,
      asked: true,
      attempt: 1,
    });
    expect(client.events[1]).to.include({ reason: '503', asked: false, attempt: 2, attempts: 5 });
  });

  it('gives up after the attempts it was given', async () => {
    const registry = await registryWith({ faults: [{ status: 502, times: 99 }] });
    const client = clientWith({ retry: { baseDelay: 1, attempts: 3 } });
    expect(await rejection(client.resolve(at(registry)))).to.include({ code: 'REGISTRY_ERROR', status: 502 });
    expect(registry.requests).to.have.length(3);
  });

  it('uploads once when the answer was lost', async () => {
    const registry = await registryWith({ faults: [{ method: 'PUT', cutAfterAnswer: true }] });
    const bytes = randomBytes(200_000);
    await clientWith().sink(at(registry)).put(blobOf(bytes), inSlices(bytes));
    expect(registry.requests.map(({ method }) => method)).to.deep.equal(['POST', 'PUT', 'DELETE', 'HEAD']);
  });

  it('sends a blob once that two images share', async () => {
    const registry = await registryWith();
    const bytes = randomBytes(200_000);
    const sink = clientWith().sink(at(registry));
    await Promise.all([1, 2, 3].map(() => sink.put(blobOf(bytes), inSlices(bytes))));
    expect(registry.requests.map(({ method }) => method)).to.deep.equal(['POST', 'PUT']);
  });
});
